// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/tasks.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "base/journal.h"

namespace rktlet::streaming {

namespace asio = boost::asio;
using boost::system::error_code;

Awaitable<void> Signal::Wait() {
  timer_.expires_at(asio::steady_timer::time_point::max());
  error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer_.async_wait(token);
}

Awaitable<bool> Signal::WaitFor(std::chrono::nanoseconds time) {
  timer_.expires_after(time);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await timer_.async_wait(token);
  co_return error == asio::error::operation_aborted;
}

Awaitable<void> Lock::Take() {
  if (!taken_) {
    taken_ = true;
    co_return;
  }
  // Release() hands the lock on by taking the timer out of the queue.
  asio::steady_timer turn(executor_, asio::steady_timer::time_point::max());
  waiting_.push_back(&turn);
  error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await turn.async_wait(token);
}

void Lock::Release() {
  if (waiting_.empty()) {
    taken_ = false;
    return;
  }
  asio::steady_timer* next = waiting_.front();
  waiting_.pop_front();
  next->cancel();
}

void Tasks::Spawn(Awaitable<void> task) {
  ++running_;
  asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr error) {
    if (error != nullptr) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& exception) {
        base::journal::Error("A stream ended in disorder", {{"STATUS", absl::InternalError(exception.what())}});
      }
    }
    --running_;
    ended_.Notify();
  });
}

Awaitable<void> Tasks::Wait() {
  while (running_ > 0) {
    co_await ended_.Wait();
  }
}

Awaitable<void> Yield() {
  auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

}  // namespace rktlet::streaming
