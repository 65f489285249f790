// SPDX-License-Identifier: Apache-2.0
// A value that somebody awaits and something else delivers later, with a deadline: the one way in which coroutines of
// this folder wait. Used on the loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/status.h"

namespace rktlet::systemd {

// Shared by the one who waits and the one who delivers; either may go first. The timer is both the deadline and the
// thing that is awaited, so that asio's cancellation and the destruction of the io_context just work.
template <typename T>
class OneShot {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit OneShot(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  // The first value counts.
  void Complete(T value) {
    if (!value_.has_value()) {
      value_ = std::move(value);
      timer_.cancel();
    }
  }

  // The value; DeadlineExceeded at `deadline`; Cancelled when the waiting coroutine was cancelled.
  static boost::asio::awaitable<absl::StatusOr<T>> Wait(std::shared_ptr<OneShot> self, TimePoint deadline) {
    if (!self->value_.has_value()) {
      self->timer_.expires_at(deadline);
      const auto [error] = co_await self->timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      if (!self->value_.has_value()) {
        co_return error ? absl::CancelledError("the wait was cancelled") : absl::DeadlineExceededError("timed out");
      }
    }
    co_return std::move(*self->value_);
  }

 private:
  boost::asio::steady_timer timer_;
  std::optional<T> value_;
};

}  // namespace rktlet::systemd
