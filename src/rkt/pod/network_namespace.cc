// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/network_namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/files.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "rkt/pod/user_namespace.h"

namespace rkt::pod {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

absl::Status RaiseLoopback() {
  const rktlet::base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "make a socket in the network namespace");
  }
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) {
    return ErrnoStatus(errno, "look at the loopback interface");
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return ErrnoStatus(errno, "raise the loopback interface");
  }
  return absl::OkStatus();
}

// Runs in a thread of its own, which takes its namespace with it when it ends.
absl::Status MakeInThisThread(const std::string& path, int owner, const std::function<absl::Status()>& inside) {
  if (owner >= 0) {
    ASSIGN_OR_RETURN(const auto made, MakeOwnedNamespaces(owner, {CLONE_NEWNET}));
    if (::setns(made.front().get(), CLONE_NEWNET) != 0) {
      return ErrnoStatus(errno, "join the network namespace");
    }
  } else if (::unshare(CLONE_NEWNET) != 0) {
    return ErrnoStatus(errno, "make a network namespace");
  }
  RETURN_IF_ERROR(RaiseLoopback());
  RETURN_IF_ERROR(inside());
  if (::mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return ErrnoStatus(errno, StrCat("pin the network namespace at ", path));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsPinnedNamespace(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == NSFS_MAGIC;
}

absl::Status PinNetworkNamespace(const std::string& path, int owner, const std::function<absl::Status()>& inside) {
  if (IsPinnedNamespace(path)) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(rktlet::base::OpenAt(AT_FDCWD, path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0600).status());
  absl::Status status;
  std::thread thread([&] { status = MakeInThisThread(path, owner, inside); });
  thread.join();
  if (!status.ok()) {
    ::unlink(path.c_str());
  }
  return status;
}

absl::Status UnpinNamespace(const std::string& path) {
  while (IsPinnedNamespace(path)) {
    if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, StrCat("unmount ", path));
    }
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, StrCat("remove ", path));
  }
  return absl::OkStatus();
}

}  // namespace rkt::pod
