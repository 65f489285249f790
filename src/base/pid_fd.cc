// SPDX-License-Identifier: Apache-2.0
#include "base/pid_fd.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/strings.h"

namespace rktlet::base {

absl::StatusOr<PidFd> PidFd::Open(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) {
    const int error = errno == ESRCH ? ENOENT : errno;
    return ErrnoStatus(error, StrCat("open process ", pid));
  }
  return PidFd(pid, UniqueFd(fd));
}

absl::Status PidFd::SendSignal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0) {
    const int error = errno == ESRCH ? ENOENT : errno;
    return ErrnoStatus(error, StrCat("signal ", signal, " to process ", pid_));
  }
  return absl::OkStatus();
}

bool PidFd::Ended() const {
  pollfd poll_fd{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

absl::StatusOr<std::optional<ExitStatus>> PidFd::Reap(bool wait) const {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(fd_.get()), &info, WEXITED | (wait ? 0 : WNOHANG)) != 0) {
    // Whoever watches a pidfd may have made it non-blocking, and then waitid(2) does not wait.
    if (errno == EAGAIN && wait) {
      pollfd poll_fd{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      static_cast<void>(::poll(&poll_fd, 1, -1));
    } else if (errno == EAGAIN) {
      return std::optional<ExitStatus>();
    } else if (errno != EINTR) {
      return ErrnoStatus(errno, StrCat("wait for process ", pid_));
    }
  }
  if (info.si_pid == 0) {
    return std::optional<ExitStatus>();
  }
  ExitStatus status;
  (info.si_code == CLD_EXITED ? status.code : status.signal) = info.si_status;
  return std::optional<ExitStatus>(status);
}

}  // namespace rktlet::base
