// SPDX-License-Identifier: Apache-2.0
// How the coroutines of one stream work together: a signal to wait for, a lock whose takers come in order, and a group
// of coroutines that is waited for as a whole. No threads; each object outlives whoever waits on it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>

namespace rktlet::streaming {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;

// Wakes the one coroutine that waits. It remembers nothing: the waiter looks at its condition in a loop.
class Signal {
 public:
  explicit Signal(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  void Notify() { timer_.cancel(); }
  // Until the next Notify.
  Awaitable<void> Wait();
  // The same, at most so long. False: the time is over.
  Awaitable<bool> WaitFor(std::chrono::nanoseconds time);

 private:
  boost::asio::steady_timer timer_;
};

// First come, first served.
class Lock {
 public:
  explicit Lock(const boost::asio::any_io_executor& executor) : executor_(executor) {}

  Awaitable<void> Take();
  void Release();

 private:
  boost::asio::any_io_executor executor_;
  bool taken_ = false;
  std::deque<boost::asio::steady_timer*> waiting_;
};

// Coroutines of which somebody waits for the last.
class Tasks {
 public:
  explicit Tasks(const boost::asio::any_io_executor& executor) : executor_(executor), ended_(executor) {}

  void Spawn(Awaitable<void> task);
  // Until none is left. Must have returned before the group is destroyed.
  Awaitable<void> Wait();
  size_t size() const { return running_; }

 private:
  boost::asio::any_io_executor executor_;
  Signal ended_;
  size_t running_ = 0;
};

// Lets the loop's other work go first.
Awaitable<void> Yield();

}  // namespace rktlet::streaming
