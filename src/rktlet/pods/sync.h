// SPDX-License-Identifier: Apache-2.0
// How coroutines of the one loop thread wait for each other: an event that happens once, and a queue whose turns are
// exclusive or shared. No locks, no threads; whoever waits holds what it waits for alive.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <utility>

namespace rktlet::pods {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;
using SteadyTime = std::chrono::steady_clock::time_point;

// Happens at most once. Copies are the same event.
class Event {
 public:
  explicit Event(boost::asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

  void Set();
  bool IsSet() const { return state_->set; }

  // Returns when the event has happened, at once when it has already.
  Awaitable<void> Wait() const { return WaitForever(state_); }
  // Whether it had happened by `deadline`, or earlier.
  Awaitable<bool> WaitUntil(SteadyTime deadline) const { return WaitOn(state_, deadline); }

 private:
  struct State {
    explicit State(boost::asio::any_io_executor executor) : executor(std::move(executor)) {}
    boost::asio::any_io_executor executor;
    bool set = false;
    std::list<boost::asio::steady_timer*> waiters;
  };
  struct Registration;

  static Awaitable<void> WaitForever(std::shared_ptr<State> state);
  static Awaitable<bool> WaitOn(std::shared_ptr<State> state, SteadyTime deadline);

  std::shared_ptr<State> state_;
};

// First come, first served. Neighbouring shared turns run side by side, an exclusive one alone.
class Queue {
 private:
  struct Waiter {
    bool exclusive;
    bool granted = false;
    Event turn;
  };
  struct State {
    explicit State(boost::asio::any_io_executor executor) : executor(std::move(executor)) {}
    boost::asio::any_io_executor executor;
    int shared = 0;
    bool exclusive = false;
    std::deque<std::shared_ptr<Waiter>> waiters;
  };

 public:
  explicit Queue(boost::asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

  // A turn, until it is destroyed or released.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept : state_(std::exchange(other.state_, nullptr)), exclusive_(other.exclusive_) {}
    Turn& operator=(Turn&& other) noexcept {
      Release();
      state_ = std::exchange(other.state_, nullptr);
      exclusive_ = other.exclusive_;
      return *this;
    }
    ~Turn() { Release(); }
    void Release();

   private:
    friend class Queue;
    Turn(std::shared_ptr<State> state, bool exclusive) : state_(std::move(state)), exclusive_(exclusive) {}
    std::shared_ptr<State> state_;
    bool exclusive_ = false;
  };

  Awaitable<Turn> Exclusive() { return Take(state_, true); }
  // Nothing when it has not come by `deadline`.
  Awaitable<std::optional<Turn>> ExclusiveUntil(SteadyTime deadline) { return TakeUntil(state_, deadline); }
  Awaitable<Turn> Shared() { return Take(state_, false); }

 private:
  static Awaitable<Turn> Take(std::shared_ptr<State> state, bool exclusive);
  static Awaitable<std::optional<Turn>> TakeUntil(std::shared_ptr<State> state, SteadyTime deadline);
  static bool Free(const State& state, bool exclusive);
  static void Occupy(State& state, bool exclusive);
  static void Advance(State& state);

  std::shared_ptr<State> state_;
};

}  // namespace rktlet::pods
