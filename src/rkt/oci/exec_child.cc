// SPDX-License-Identifier: Apache-2.0
// In the children everything from fork to exec or _exit is async-signal-safe (signal-safety(7)).
#include "rkt/oci/exec_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/subprocess.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;

constexpr int kNotStarted = 125;

// fork(2) into a cgroup where one is given. Without CLONE_VM it is a plain fork.
pid_t Fork(int cgroup) {
  if (cgroup >= 0) {
    struct clone_args arguments = {};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<__u64>(cgroup);
    return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
  }
  return fork();
}

[[noreturn]] void Fail(const char* what) {
  const char* texts[] = {"app exec: ", what, ": ", strerrordesc_np(errno), "\n"};
  for (const char* text : texts) {
    if (text != nullptr && write(STDERR_FILENO, text, strlen(text)) < 0) {
      break;
    }
  }
  _exit(kNotStarted);
}

[[noreturn]] void Guard(const CgroupTarget& home, int parent_alive, int pidfd, pid_t process_group) {
  if (!home.procs.empty()) {  // v1: systemd looks at its own hierarchy, the first
    static_cast<void>(!write(home.procs.front().get(), "0", 1));
  }
  // Nothing else of the caller's is held: an open stdout would keep its reader waiting.
  if (dup3(parent_alive, 0, 0) < 0 && parent_alive != 0) {
    _exit(1);
  }
  if (dup3(pidfd, 1, 0) < 0 && pidfd != 1) {
    _exit(1);
  }
  syscall(SYS_close_range, 2U, ~0U, 0U);
  setsid();
  struct pollfd fds[] = {{0, POLLIN, 0}, {1, POLLIN, 0}};
  while (poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  if ((fds[1].revents & POLLIN) == 0) {
    if (process_group > 1) {
      kill(-process_group, SIGKILL);
    }
    syscall(SYS_pidfd_send_signal, 1, SIGKILL, nullptr, 0);
  }
  _exit(0);
}

}  // namespace

absl::StatusOr<pid_t> SpawnInCgroup(const CgroupTarget& target, const OciRuntime& runtime, char* const* argv,
                                    char* const* envp) {
  const pid_t parent = getpid();
  const pid_t pid = Fork(target.directory.get());
  if (pid < 0) {
    return ErrnoStatus(errno, "fork");
  }
  if (pid > 0) {
    return pid;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(kNotStarted);
  }
  for (const rktlet::base::UniqueFd& procs : target.procs) {
    if (write(procs.get(), "0", 1) < 0) {
      Fail("the container's cgroup");
    }
  }
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  errno = runtime.Exec(argv, envp);
  Fail("the OCI runtime");
}

absl::StatusOr<pid_t> SpawnGuardian(const CgroupTarget& home, int pidfd, pid_t process_group) {
  ASSIGN_OR_RETURN(auto pipe, rktlet::base::MakePipe());
  pid_t pid = Fork(home.directory.get());
  if (pid < 0) {
    pid = fork();
  }
  if (pid < 0) {
    return ErrnoStatus(errno, "fork");
  }
  if (pid == 0) {
    close(pipe.second.get());
    Guard(home, pipe.first.get(), pidfd, process_group);
  }
  // Its end tells the guardian that we are gone, so it stays open as long as we live.
  static_cast<void>(pipe.second.Release());
  return pid;
}

}  // namespace rkt::oci
