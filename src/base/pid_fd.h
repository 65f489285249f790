// SPDX-License-Identifier: Apache-2.0
// A process held by pidfd, so that a signal can never reach a stranger that got the same number (pidfd_open(2),
// Linux 5.3; waitid(P_PIDFD), Linux 5.4).
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rktlet::base {

// How a process ended: by exit (signal == 0) or by a signal.
struct ExitStatus {
  int code = 0;    // exit code, meaningful when signal is 0
  int signal = 0;  // number of the signal that ended it, else 0

  // The shell's convention: 128+n for a signal.
  int ShellCode() const { return signal != 0 ? 128 + signal : code; }
  bool Success() const { return signal == 0 && code == 0; }
};

class PidFd {
 public:
  PidFd() = default;

  // Opens the process `pid`. NotFound when there is none. Free of races only for an unreaped child of the caller or
  // when the caller checks afterwards that the process is the one it meant.
  static absl::StatusOr<PidFd> Open(pid_t pid);

  pid_t pid() const { return pid_; }
  int fd() const { return fd_.get(); }  // readable (POLLIN) once the process has ended
  bool valid() const { return fd_.valid(); }

  // Sends `signal`; NotFound when the process has been reaped.
  absl::Status SendSignal(int signal) const;

  // Whether the process has ended (reaped or not).
  bool Ended() const;

  // Waits for and reaps the process, which must be a child of the caller. With wait=false: nullopt while it runs.
  absl::StatusOr<std::optional<ExitStatus>> Reap(bool wait) const;

 private:
  PidFd(pid_t pid, UniqueFd fd) : pid_(pid), fd_(std::move(fd)) {}

  pid_t pid_ = -1;
  UniqueFd fd_;
};

}  // namespace rktlet::base
