// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/private_mounts.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/mounts.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;

enum class State { kAbsent, kShared, kPrivate };

absl::StatusOr<State> Look(const std::string& path) {
  ASSIGN_OR_RETURN(std::string mountinfo, rktlet::base::ReadFile("/proc/self/mountinfo"));
  const HostMounts mounts(mountinfo);
  const HostMounts::Mount* mount = mounts.Find(path);
  if (mount == nullptr || mount->point != path) {
    return State::kAbsent;
  }
  return mount->shared || mount->slave ? State::kShared : State::kPrivate;
}

// The places of all that is mounted below: made at once, so that what a boot leaves in /run does not depend on its
// pods. After an upgrade there may be new ones.
absl::Status MakePoints(const std::string& path) {
  for (const char* name : {"layers", "prepared", "proc", "rootfs", "runtime", "shm", "sys", "volumes"}) {
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(rktlet::base::StrCat(path, "/", name), 0700));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnsurePrivateMounts(const rktlet::spec::Layout& layout) {
  const std::string path = layout.PrivateMounts();
  ASSIGN_OR_RETURN(State state, Look(path));
  if (state == State::kPrivate) {
    return MakePoints(path);
  }
  RETURN_IF_ERROR(rktlet::base::MakeDirectories(path, 0700));
  ASSIGN_OR_RETURN(rktlet::base::FileLock lock, rktlet::base::FileLock::Exclusive(path + ".lock"));
  RETURN_IF_ERROR(MakePoints(path));
  ASSIGN_OR_RETURN(state, Look(path));
  if (state == State::kAbsent && mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return ErrnoStatus(errno, rktlet::base::StrCat("bind mount of ", path));
  }
  if (mount(nullptr, path.c_str(), nullptr, MS_PRIVATE, nullptr) != 0) {
    return ErrnoStatus(errno, rktlet::base::StrCat("making ", path, " a private mount"));
  }
  return absl::OkStatus();
}

absl::Status OpenWayToRoots(const rktlet::spec::Layout& layout) {
  for (const std::string& path : {layout.run_dir(), layout.PrivateMounts()}) {
    struct stat st;
    if (stat(path.c_str(), &st) != 0 || ((st.st_mode & S_IXOTH) == 0 && chmod(path.c_str(), 0711) != 0)) {
      return ErrnoStatus(errno, path);
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
