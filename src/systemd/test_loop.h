// SPDX-License-Identifier: Apache-2.0
// For tests: an event loop that runs until a coroutine has finished or a condition holds, with a deadline and no
// sleeps.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace rktlet::systemd {

class TestLoop {
 public:
  static constexpr std::chrono::seconds kPatience = std::chrono::seconds(30);

  boost::asio::io_context& context() { return context_; }
  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  // Whether `condition` came true while the loop ran.
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= deadline) {
        return false;
      }
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  // Everything that is ready now.
  void Drain() {
    context_.restart();
    context_.poll();
  }

  // Starts the coroutine; its result appears in the returned holder.
  template <typename T>
  std::shared_ptr<std::optional<T>> Spawn(boost::asio::awaitable<T> coroutine) {
    auto result = std::make_shared<std::optional<T>>();
    boost::asio::co_spawn(context_, std::move(coroutine), [result](const std::exception_ptr& error, T value) {
      if (error) {
        std::rethrow_exception(error);
      }
      *result = std::move(value);
    });
    return result;
  }

  // Runs the coroutine to its end.
  template <typename T>
  T Await(boost::asio::awaitable<T> coroutine) {
    const std::shared_ptr<std::optional<T>> result = Spawn(std::move(coroutine));
    if (!RunUntil([&result] { return result->has_value(); })) {
      ADD_FAILURE() << "the coroutine did not end";
      std::abort();
    }
    return *std::move(*result);
  }

 private:
  boost::asio::io_context context_{1};
};

}  // namespace rktlet::systemd
