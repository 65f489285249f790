// SPDX-License-Identifier: Apache-2.0
// Runs coroutines to their end in tests, with a limit on how long that may take.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>

namespace rktlet::engine {

class TestLoop {
 public:
  boost::asio::io_context& context() { return loop_; }

  // Turns the loop until `predicate` holds; false when that takes too long.
  bool RunUntil(const std::function<bool()>& predicate, std::chrono::seconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!predicate()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  template <typename T>
  T Await(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(loop_, std::move(work), [&result](std::exception_ptr error, T value) {
      if (error != nullptr) {
        std::rethrow_exception(error);
      }
      result = std::move(value);
    });
    if (!RunUntil([&result] { return result.has_value(); })) {
      throw std::runtime_error("the coroutine does not end");
    }
    return *std::move(result);
  }

 private:
  boost::asio::io_context loop_;
};

}  // namespace rktlet::engine
