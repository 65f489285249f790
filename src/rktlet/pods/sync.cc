// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/sync.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace rktlet::pods {

// A waiter's place in the list, for as long as its coroutine lives.
struct Event::Registration {
  Registration(std::shared_ptr<State> owner, boost::asio::steady_timer* timer) : state(std::move(owner)) {
    place = state->waiters.insert(state->waiters.end(), timer);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { state->waiters.erase(place); }

  std::shared_ptr<State> state;
  std::list<boost::asio::steady_timer*>::iterator place;
};

void Event::Set() {
  if (std::exchange(state_->set, true)) {
    return;
  }
  for (boost::asio::steady_timer* timer : state_->waiters) {
    timer->cancel();
  }
}

Awaitable<void> Event::WaitForever(std::shared_ptr<State> state) {
  co_await WaitOn(std::move(state), SteadyTime::max());
}

Awaitable<bool> Event::WaitOn(std::shared_ptr<State> state, SteadyTime deadline) {
  if (state->set) {
    co_return true;
  }
  boost::asio::steady_timer timer(state->executor, deadline);
  const Registration registration(state, &timer);
  boost::system::error_code error;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
  co_return state->set;
}

bool Queue::Free(const State& state, bool exclusive) { return !state.exclusive && (!exclusive || state.shared == 0); }

void Queue::Occupy(State& state, bool exclusive) {
  if (exclusive) {
    state.exclusive = true;
  } else {
    ++state.shared;
  }
}

void Queue::Advance(State& state) {
  while (!state.waiters.empty() && Free(state, state.waiters.front()->exclusive)) {
    const std::shared_ptr<Waiter> next = state.waiters.front();
    state.waiters.pop_front();
    Occupy(state, next->exclusive);
    next->granted = true;
    next->turn.Set();
  }
}

Awaitable<Queue::Turn> Queue::Take(std::shared_ptr<State> state, bool exclusive) {
  if (state->waiters.empty() && Free(*state, exclusive)) {
    Occupy(*state, exclusive);
    co_return Turn(state, exclusive);
  }
  const auto waiter = std::make_shared<Waiter>(Waiter{exclusive, false, Event(state->executor)});
  state->waiters.push_back(waiter);
  co_await waiter->turn.Wait();
  if (!waiter->granted) {
    // Cancelled while it stood in line.
    std::erase(state->waiters, waiter);
    Advance(*state);
    co_return Turn();
  }
  co_return Turn(state, exclusive);
}

Awaitable<std::optional<Queue::Turn>> Queue::TakeUntil(std::shared_ptr<State> state, SteadyTime deadline) {
  if (state->waiters.empty() && Free(*state, true)) {
    Occupy(*state, true);
    co_return Turn(state, true);
  }
  const auto waiter = std::make_shared<Waiter>(Waiter{true, false, Event(state->executor)});
  state->waiters.push_back(waiter);
  co_await waiter->turn.WaitUntil(deadline);
  if (!waiter->granted) {
    std::erase(state->waiters, waiter);
    Advance(*state);
    co_return std::nullopt;
  }
  co_return Turn(state, true);
}

void Queue::Turn::Release() {
  const std::shared_ptr<State> state = std::exchange(state_, nullptr);
  if (state == nullptr) {
    return;
  }
  if (exclusive_) {
    state->exclusive = false;
  } else {
    --state->shared;
  }
  Advance(*state);
}

}  // namespace rktlet::pods
