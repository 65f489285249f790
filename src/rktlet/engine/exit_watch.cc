// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/exit_watch.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/unique_fd.h"

namespace rktlet::engine {

absl::Status ExitWatch::Watch(const base::PidFd& child, std::function<void()> ended) {
  // A duplicate, because asio closes what it is given and the owner signals by its own.
  base::UniqueFd watched(::fcntl(child.fd(), F_DUPFD_CLOEXEC, 3));
  if (!watched.valid()) {
    return base::ErrnoStatus(errno, "duplicate a pidfd");
  }
  descriptor_.assign(watched.Release());
  child_ = &child;
  Wait(std::move(ended));
  return absl::OkStatus();
}

void ExitWatch::Wait(std::function<void()> ended) {
  auto readable = [this, ended = std::move(ended)](boost::system::error_code error) mutable {
    if (error) {
      return;
    }
    if (!child_->Ended()) {
      Wait(std::move(ended));
      return;
    }
    {
      // Both descriptors are one open file, which outlives this one: closing alone would leave it in the epoll set,
      // and what the kernel tells of it at the reaping would wake whatever asio watches next. release() takes it out.
      const base::UniqueFd out_of_the_set(descriptor_.release());
    }
    ended();
  };
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, std::move(readable));
}

}  // namespace rktlet::engine
