// SPDX-License-Identifier: Apache-2.0
// Calls of the backend that end early when nobody is left for their result: the client has gone, or the server stops.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <memory>
#include <set>
#include <utility>

#include "base/status.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {

class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  // Ends the calls that run; none is begun any more. To be called on the loop, as Run is: Asio passes a cancellation on
  // at once only there, and later it may find the call gone.
  void Cancel() {
    cancelled_ = true;
    for (boost::asio::cancellation_signal* signal : running_) {
      signal->emit(boost::asio::cancellation_type::terminal);
    }
  }

  // What `call` gives. Cancelled after Cancel(), when what it waited for has been cancelled through Asio and its
  // coroutines have ended. To be called on the loop.
  template <typename T>
  Awaitable<absl::StatusOr<T>> Run(Awaitable<absl::StatusOr<T>> call) {
    if (cancelled_) {
      co_return absl::CancelledError("nobody waits for it any more");
    }
    auto executor = co_await boost::asio::this_coro::executor;
    auto state = std::make_shared<State<T>>(executor);
    running_.insert(&state->signal);
    boost::asio::co_spawn(executor, std::move(call),
                          boost::asio::bind_cancellation_slot(
                              state->signal.slot(), [state](std::exception_ptr error, absl::StatusOr<T> result) {
                                state->error = std::move(error);
                                state->result = std::move(result);
                                state->ended = true;
                                state->changed.Notify();
                              }));
    while (!state->ended) {
      co_await state->changed.Wait();
    }
    running_.erase(&state->signal);
    if (cancelled_) {
      co_return absl::CancelledError("nobody waits for it any more");
    }
    if (state->error != nullptr) {
      std::rethrow_exception(state->error);
    }
    co_return std::move(state->result);
  }

 private:
  // Held by the call's end as well: the signal outlives all that it may cancel.
  template <typename T>
  struct State {
    explicit State(const boost::asio::any_io_executor& executor) : changed(executor) {}
    boost::asio::cancellation_signal signal;
    Signal changed;
    std::exception_ptr error;
    absl::StatusOr<T> result;
    bool ended = false;
  };

  std::set<boost::asio::cancellation_signal*> running_;
  bool cancelled_ = false;
};

}  // namespace rktlet::streaming
