// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/id_mapped_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace rkt::pod {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

int SetIdMap(int mount, int user_namespace, unsigned int flags) {
  struct mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<__u64>(user_namespace);
  return static_cast<int>(
      syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes, sizeof(attributes)));
}

}  // namespace

absl::StatusOr<UniqueFd> CopyMount(const std::string& path, bool recursive) {
  UniqueFd fd(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, path.c_str(),
                                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0))));
  if (!fd.valid()) {
    return ErrnoStatus(errno, StrCat("copy the mount of ", path));
  }
  return fd;
}

absl::Status MapIds(const UniqueFd& mount, bool recursive, int user_namespace, const std::string& what) {
  if (recursive && SetIdMap(mount.get(), user_namespace, AT_RECURSIVE) == 0) {
    return absl::OkStatus();
  }
  if (SetIdMap(mount.get(), user_namespace, 0) == 0) {
    return absl::OkStatus();
  }
  const int error = errno;
  if (error == EINVAL || error == EPERM) {
    return absl::FailedPreconditionError(
        StrCat(what, ": its file system cannot map ids on this kernel (a tmpfs can from Linux 6.3 on)"));
  }
  return ErrnoStatus(error, StrCat(what, ": map its ids"));
}

absl::Status CheckMapsIds(const std::string& path, int user_namespace, const std::string& what) {
  ASSIGN_OR_RETURN(const UniqueFd mount, CopyMount(path, false));
  return MapIds(mount, false, user_namespace, what);
}

absl::Status CheckTmpfsMapsIds(int user_namespace) {
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.valid() || syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return ErrnoStatus(errno, "make a tmpfs");
  }
  const UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount.valid()) {
    return ErrnoStatus(errno, "mount a tmpfs");
  }
  return MapIds(mount, false, user_namespace, "a tmpfs");
}

}  // namespace rkt::pod
