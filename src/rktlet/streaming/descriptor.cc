// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/descriptor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace rktlet::streaming {

namespace asio = boost::asio;
using boost::system::error_code;

absl::Status Descriptor::Open(base::UniqueFd fd) {
  if (!fd.valid()) {
    return absl::OkStatus();
  }
  error_code error;
  descriptor_.assign(fd.get(), error);
  if (error) {
    return base::ErrnoStatus(error.value(), "watch a stream");
  }
  (void)fd.Release();
  return absl::OkStatus();
}

absl::StatusOr<size_t> Descriptor::TryRead(std::span<char> buffer) {
  while (true) {
    const ssize_t size = ::read(descriptor_.native_handle(), buffer.data(), buffer.size());
    if (size >= 0) {
      return static_cast<size_t>(size);
    }
    switch (errno) {
      case EINTR:
        continue;
      case EAGAIN:
        return absl::UnavailableError("nothing to read");
      case EIO:
        return absl::AbortedError("nobody has the terminal open");
      default:
        return base::ErrnoStatus(errno, "read");
    }
  }
}

Awaitable<absl::Status> Descriptor::WaitFor(asio::posix::descriptor_base::wait_type type) {
  if (!descriptor_.is_open()) {
    co_return absl::CancelledError("closed");
  }
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await descriptor_.async_wait(type, token);
  if (error || !descriptor_.is_open()) {
    co_return absl::CancelledError("closed");
  }
  co_return absl::OkStatus();
}

Awaitable<absl::Status> Descriptor::WaitReadable() { return WaitFor(asio::posix::descriptor_base::wait_read); }

Awaitable<absl::Status> Descriptor::Write(std::string_view data) {
  while (!data.empty()) {
    if (!descriptor_.is_open()) {
      co_return absl::CancelledError("closed");
    }
    const ssize_t size = ::write(descriptor_.native_handle(), data.data(), data.size());
    if (size >= 0) {
      data.remove_prefix(static_cast<size_t>(size));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      co_return absl::FailedPreconditionError("nobody reads any more");
    } else if (errno == EIO) {
      // Nobody has the terminal open at the moment.
      asio::steady_timer pause(descriptor_.get_executor(), kTerminalPause);
      error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      co_await pause.async_wait(token);
    } else if (errno == EAGAIN) {
      absl::Status writable = co_await WaitFor(asio::posix::descriptor_base::wait_write);
      CO_RETURN_IF_ERROR(writable);
    } else if (errno != EINTR) {
      co_return base::ErrnoStatus(errno, "write");
    }
  }
  co_return absl::OkStatus();
}

void Descriptor::Close() {
  if (!descriptor_.is_open()) {
    return;
  }
  // Somebody else may hold the same open file (a terminal's master, a supervisor): closing alone would leave it in the
  // epoll set, and its events would go to whatever Asio watches next. release() takes it out.
  const base::UniqueFd fd(descriptor_.release());
}

}  // namespace rktlet::streaming
