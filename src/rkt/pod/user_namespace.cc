// SPDX-License-Identifier: Apache-2.0
// In the child everything from fork to its end is async-signal-safe (signal-safety(7)).
#include "rkt/pod/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/files.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "rkt/pod/network_namespace.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
using base::ErrnoStatus;
using base::StrCat;
using base::UniqueFd;
using rktlet::spec::IdMapping;

[[noreturn]] void SitInNewNamespaces(int owner, int flags, int tell) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int error = 0;
  if (owner >= 0 && setns(owner, CLONE_NEWUSER) != 0) {
    error = errno;
  }
  if (error == 0 && unshare(flags) != 0) {
    error = errno;
  }
  if (write(tell, &error, sizeof(error)) != sizeof(error)) {
    _exit(1);
  }
  for (;;) {
    pause();
  }
}

// A process in new namespaces, of those of `owner` if that is not -1. It ends with the object.
class Sitter {
 public:
  static absl::StatusOr<Sitter> Start(int owner, int flags) {
    ASSIGN_OR_RETURN(auto pipe, base::MakePipe());
    Sitter sitter;
    sitter.pid_ = fork();
    if (sitter.pid_ < 0) {
      return ErrnoStatus(errno, "fork");
    }
    if (sitter.pid_ == 0) {
      SitInNewNamespaces(owner, flags, pipe.second.get());
    }
    pipe.second.Reset();
    int error = 0;
    if (read(pipe.first.get(), &error, sizeof(error)) != sizeof(error)) {
      return absl::InternalError("the process that was to make namespaces has ended");
    }
    if (error != 0) {
      const char* hint = flags == CLONE_NEWUSER ? " (sysctl user.max_user_namespaces)" : "";
      return ErrnoStatus(error, StrCat("make namespaces", error == ENOSPC || error == EUSERS ? hint : ""));
    }
    return sitter;
  }
  Sitter(Sitter&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Sitter(const Sitter&) = delete;
  Sitter& operator=(const Sitter&) = delete;
  ~Sitter() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  std::string Path(const std::string& file) const { return StrCat("/proc/", pid_, "/", file); }
  absl::StatusOr<UniqueFd> Namespace(const char* name) const {
    return base::OpenAt(AT_FDCWD, Path(StrCat("ns/", name)), O_RDONLY);
  }

 private:
  Sitter() = default;
  pid_t pid_ = -1;
};

std::string MapText(const std::vector<IdMapping>& mappings) {
  std::string text;
  for (const IdMapping& mapping : mappings) {
    text += StrCat(mapping.container_id, " ", mapping.host_id, " ", mapping.length, "\n");
  }
  return text;
}

const char* NameOf(int type) { return type == CLONE_NEWNET ? "net" : type == CLONE_NEWIPC ? "ipc" : "uts"; }

}  // namespace

absl::StatusOr<UniqueFd> MakeUserNamespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
  absl::StatusOr<Sitter> sitter = Sitter::Start(-1, CLONE_NEWUSER);
  RETURN_IF_ERROR(base::Annotate(sitter.status(), "user namespace"));
  for (const auto& [file, mappings] : {std::pair{"uid_map", &uids}, std::pair{"gid_map", &gids}}) {
    RETURN_IF_ERROR(
        base::Annotate(base::WriteExistingFile(sitter->Path(file), MapText(*mappings)), "map ids of a user namespace"));
  }
  return sitter->Namespace("user");
}

absl::Status PinUserNamespace(const std::string& path, const rktlet::spec::UserNamespace& mappings) {
  if (IsPinnedNamespace(path)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, MakeUserNamespace(mappings.uids, mappings.gids));
  RETURN_IF_ERROR(base::OpenAt(AT_FDCWD, path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0600).status());
  if (::mount(StrCat("/proc/self/fd/", fd.get()).c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    const absl::Status status = ErrnoStatus(errno, StrCat("pin the user namespace at ", path));
    ::unlink(path.c_str());
    return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<UniqueFd>> MakeOwnedNamespaces(int owner, const std::vector<int>& types) {
  int flags = 0;
  for (const int type : types) {
    flags |= type;
  }
  absl::StatusOr<Sitter> sitter = Sitter::Start(owner, flags);
  RETURN_IF_ERROR(base::Annotate(sitter.status(), "namespaces in the pod's user namespace"));
  std::vector<UniqueFd> fds;
  for (const int type : types) {
    ASSIGN_OR_RETURN(UniqueFd fd, sitter->Namespace(NameOf(type)));
    fds.push_back(std::move(fd));
  }
  return fds;
}

}  // namespace rkt::pod
