// SPDX-License-Identifier: Apache-2.0
// Aborts a connection whose client makes no progress in time.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace rktlet::streaming {

class AbortTimer {
 public:
  AbortTimer(const boost::asio::any_io_executor& executor, std::function<void()> abort)
      : state_(std::make_shared<State>(executor, std::move(abort))) {}
  ~AbortTimer() { Stop(); }
  AbortTimer(const AbortTimer&) = delete;
  AbortTimer& operator=(const AbortTimer&) = delete;

  // From now on, anew.
  void Start(std::chrono::nanoseconds time) {
    state_->timer.expires_after(time);
    state_->timer.async_wait([state = state_, turn = ++state_->turn](boost::system::error_code error) {
      if (!error && state->turn == turn) {
        state->abort();
      }
    });
  }
  void Stop() {
    ++state_->turn;
    state_->timer.cancel();
  }

 private:
  struct State {
    State(const boost::asio::any_io_executor& executor, std::function<void()> action)
        : timer(executor), abort(std::move(action)) {}
    boost::asio::steady_timer timer;
    std::function<void()> abort;
    uint64_t turn = 0;
  };
  std::shared_ptr<State> state_;
};

}  // namespace rktlet::streaming
