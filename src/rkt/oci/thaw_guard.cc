// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/thaw_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/files.h"
#include "base/subprocess.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::UniqueFd;

// Runs in the child: system calls only. It has nothing of ours but what it needs, least of all our standard output,
// whose end somebody may wait for.
[[noreturn]] void Watch(int pipe_fd, const std::vector<UniqueFd>& freezers, int null_fd) {
  setsid();
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    signal(signal_number, SIG_IGN);
  }
  for (int fd = 0; fd < 3; ++fd) {
    dup2(null_fd, fd);
  }
  char byte = 0;
  while (read(pipe_fd, &byte, 1) != 0) {
  }
  for (const UniqueFd& freezer : freezers) {
    if (write(freezer.get(), "0", 1) < 0) {
      continue;  // the container has ended
    }
  }
  _exit(0);
}

}  // namespace

absl::StatusOr<ThawGuard> ThawGuard::Start(const std::vector<std::string>& directories) {
  std::vector<UniqueFd> freezers;
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(UniqueFd freezer, rktlet::base::OpenAt(AT_FDCWD, directory + "/cgroup.freeze", O_WRONLY));
    freezers.push_back(std::move(freezer));
  }
  ASSIGN_OR_RETURN(const UniqueFd null, rktlet::base::OpenAt(AT_FDCWD, "/dev/null", O_RDWR));
  ASSIGN_OR_RETURN(auto pipe, rktlet::base::MakePipe());
  const pid_t child = fork();
  if (child < 0) {
    return ErrnoStatus(errno, "fork");
  }
  if (child == 0) {
    close(pipe.second.get());
    Watch(pipe.first.get(), freezers, null.get());
  }
  ThawGuard guard;
  guard.lifeline_ = std::move(pipe.second);
  guard.child_ = child;
  return guard;
}

ThawGuard::ThawGuard(ThawGuard&& other) noexcept
    : lifeline_(std::move(other.lifeline_)), child_(std::exchange(other.child_, -1)) {}

ThawGuard::~ThawGuard() {
  lifeline_.Reset();
  if (child_ > 0) {
    while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace rkt::oci
