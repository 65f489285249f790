// SPDX-License-Identifier: Apache-2.0
// rkt-unpack DIFF_ID [MAX_ENTRIES MAX_BYTES]: unpacks the archive on descriptor 4 into the directory on descriptor 3.
// DIFF_ID is the digest that the content must have, or "-".
// Prints "BYTES ENTRIES". On failure the reason stands on stderr and the exit code is 64 + the code of the status.
#include <sys/prctl.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "rkt/image/unpack/unpack.h"

namespace {

constexpr int kDirectoryFd = 3;
constexpr int kArchiveFd = 4;
constexpr int kFailure = 64;

int Run(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fputs("usage: rkt-unpack DIFF_ID [MAX_ENTRIES MAX_BYTES] 3<DIRECTORY 4<ARCHIVE\n", stderr);
    return kFailure + static_cast<int>(absl::StatusCode::kInvalidArgument);
  }
  rkt::image::UnpackLimits limits;
  if (argc == 4) {
    limits.max_entries = std::strtoull(argv[2], nullptr, 10);
    limits.max_bytes = std::strtoull(argv[3], nullptr, 10);
  }
  ::umask(0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would use what an orphan unpacks
  const auto result = rkt::image::UnpackLayer(kArchiveFd, kDirectoryFd, argv[1], limits);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", std::string(result.status().message()).c_str());
    return kFailure + static_cast<int>(result.status().code());
  }
  std::printf("%llu %llu\n", static_cast<unsigned long long>(result->bytes),
              static_cast<unsigned long long>(result->entries));
  return std::fflush(stdout) == 0 ? 0 : kFailure;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "unexpected: %s\n", error.what());
    return kFailure + static_cast<int>(absl::StatusCode::kInternal);
  }
}
