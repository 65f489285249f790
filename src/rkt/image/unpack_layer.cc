// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/unpack_layer.h"

#include <cstdio>
#include <cstdlib>

#include "base/strings.h"
#include "base/subprocess.h"

namespace rkt::image {
namespace {

using rktlet::base::StrCat;

constexpr int kDirectoryFd = 3;
constexpr int kArchiveFd = 4;
constexpr int kLockFd = 5;
constexpr int kStatusBase = 64;  // exit code = this + the status code

std::string UnpackProgram() {
  const char* given = ::secure_getenv("RKT_UNPACK");
  return given != nullptr && *given != '\0' ? given : RKT_UNPACK_PATH;
}

}  // namespace

absl::StatusOr<UnpackResult> RunUnpackProgram(int archive_fd, int directory_fd, const std::string& diff_id,
                                              int held_lock_fd) {
  rktlet::base::Command command;
  command.program = UnpackProgram();
  command.args = {diff_id};
  command.fds = {{directory_fd, kDirectoryFd}, {archive_fd, kArchiveFd}};
  if (held_lock_fd >= 0) {
    command.fds.emplace_back(held_lock_fd, kLockFd);
  }
  ASSIGN_OR_RETURN(const rktlet::base::CommandResult result, rktlet::base::RunCommand(std::move(command)));
  const int code = result.status.code - kStatusBase;
  if (result.status.signal == 0 && code > 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated)) {
    std::string reason = result.stderr_data;
    reason.erase(reason.find_last_not_of('\n') + 1);
    return absl::Status(static_cast<absl::StatusCode>(code), reason);
  }
  RETURN_IF_ERROR(rktlet::base::CheckResult(result, "rkt-unpack"));
  UnpackResult unpacked;
  unsigned long long bytes = 0;
  unsigned long long entries = 0;
  if (std::sscanf(result.stdout_data.c_str(), "%llu %llu", &bytes, &entries) != 2) {
    return absl::InternalError(StrCat("rkt-unpack: unexpected answer \"", result.stdout_data, "\""));
  }
  unpacked.bytes = bytes;
  unpacked.entries = entries;
  return unpacked;
}

}  // namespace rkt::image
