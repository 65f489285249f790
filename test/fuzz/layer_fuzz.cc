// SPDX-License-Identifier: Apache-2.0
// A layer's archive, unpacked. The first byte tells whether the checksums of tar headers are made right first, without
// which few mutations get far. It happens in user and mount namespaces of our own, on a tmpfs that nobody else sees, so
// that root may run this; what lies beside the layer's directory must be as it was.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "fuzz_input.h"
#include "rkt/image/sha256.h"
#include "rkt/image/unpack/unpack.h"

namespace {

using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::fuzz::Check;

constexpr size_t kBlock = 512;
constexpr char kUntouched[] = "untouched";

std::string root;  // of the tmpfs

void MendChecksums(std::string& archive) {
  for (size_t at = 0; at + kBlock <= archive.size(); at += kBlock) {
    if (archive.compare(at + 257, 5, "ustar") != 0) {
      continue;
    }
    archive.replace(at + 148, 8, "        ");
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      sum += static_cast<unsigned char>(archive[at + i]);
    }
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    archive.replace(at + 148, 7, text, 7);
  }
}

bool Write(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  return file.valid() && ::write(file.get(), text.data(), text.size()) == std::ssize(text);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const std::string uid = StrCat("0 ", ::geteuid(), " 1");
  const std::string gid = StrCat("0 ", ::getegid(), " 1");
  Check(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "there are user namespaces");
  Check(Write("/proc/self/setgroups", "deny") && Write("/proc/self/uid_map", uid) && Write("/proc/self/gid_map", gid),
        "the namespace has a root of its own");
  root = std::filesystem::current_path() / StrCat("layer-fuzz.", ::getpid());
  Check(::mkdir(root.c_str(), 0700) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            ::mount("layer-fuzz", root.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64m") == 0,
        "there is a tmpfs");
  Check(rktlet::base::WriteFileAtomic(root + "/beside", kUntouched).ok(), "the file beside is written");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  if (root.empty()) {  // standalone.cc does not call it
    LLVMFuzzerInitialize(nullptr, nullptr);
  }
  std::string archive(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'm') {
    MendChecksums(archive);
  }
  const std::string layer = root + "/layer";
  Check(::mkdir(layer.c_str(), 0755) == 0, "the layer's directory is made");
  const UniqueFd directory(::open(layer.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd file(::memfd_create("layer", MFD_CLOEXEC));
  Check(::write(file.get(), archive.data(), archive.size()) == std::ssize(archive) &&
            ::lseek(file.get(), 0, SEEK_SET) == 0,
        "the archive is written");
  const rkt::image::UnpackLimits limits = {1000, 1 << 20, 200, 1 << 16};
  const auto result = rkt::image::UnpackLayer(file.get(), directory.get(), rkt::image::DigestOf(archive), limits);
  Check(!result.ok() || (result->bytes <= limits.max_bytes && result->entries <= limits.max_entries),
        "the limits are kept");
  Check(rktlet::base::RemoveTree(layer).ok(), "the layer can be removed");
  const auto beside = rktlet::base::ReadFile(root + "/beside");
  Check(beside.ok() && *beside == kUntouched, "the file beside is as it was");
  const auto names = rktlet::base::ListDirectory(root);
  Check(names.ok() && names->size() == 1, "nothing has come beside it");
  return 0;
}
