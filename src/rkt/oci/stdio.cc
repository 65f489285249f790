// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/stdio.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/id_mappings.h"
#include "rkt/pod/id_mapped_mount.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr int kStreams = 3;

// By its name, because the kernel copies mounts of our own mount namespace only, and a supervisor's /dev/null is of
// another. What has no such name here is left as it is.
absl::Status Guard(int stream, const struct stat& device) {
  char name[PATH_MAX];
  const ssize_t size = readlink(StrCat("/proc/self/fd/", stream).c_str(), name, sizeof(name));
  if (size <= 0 || static_cast<size_t>(size) == sizeof(name) || name[0] != '/') {
    return absl::OkStatus();
  }
  const absl::StatusOr<UniqueFd> mount = rkt::pod::CopyMount(std::string(name, static_cast<size_t>(size)), false);
  struct stat st;
  if (!mount.ok() || fstat(mount->get(), &st) != 0 || !S_ISCHR(st.st_mode) || st.st_rdev != device.st_rdev) {
    return absl::OkStatus();
  }
  struct mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, mount->get(), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0) {
    return ErrnoStatus(errno, "a read-only mount of a standard stream");
  }
  const int access = fcntl(stream, F_GETFL) & O_ACCMODE;
  ASSIGN_OR_RETURN(const UniqueFd again,
                   rktlet::base::OpenAt(AT_FDCWD, StrCat("/proc/self/fd/", mount->get()), access | O_NOCTTY));
  return dup2(again.get(), stream) == stream ? absl::OkStatus() : ErrnoStatus(errno, "dup2");
}

}  // namespace

absl::Status GuardDevicesOfStdio() {
  for (int stream = 0; stream < kStreams; ++stream) {
    struct stat st;
    if (fstat(stream, &st) == 0 && S_ISCHR(st.st_mode) && isatty(stream) == 0) {
      RETURN_IF_ERROR(Guard(stream, st));
    }
  }
  return absl::OkStatus();
}

absl::Status OwnPipesOfStdio(const rktlet::spec::PodSpec& pod, const ProcessUser& user) {
  if (!pod.user_namespace.has_value()) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(CheckMapped(pod, user));
  for (int stream = 0; stream < kStreams; ++stream) {
    struct stat st;
    if (fstat(stream, &st) == 0 && S_ISFIFO(st.st_mode) &&
        fchown(stream, *HostId(pod.user_namespace->uids, user.uid), *HostId(pod.user_namespace->gids, user.gid)) != 0) {
      return ErrnoStatus(errno, "the owner of a standard stream");
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
