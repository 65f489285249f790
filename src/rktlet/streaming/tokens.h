// SPDX-License-Identifier: Apache-2.0
// One-time tokens: what a URL was made for, until it is used or a minute has passed.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/status.h"
#include "rktlet/streaming/request.h"

namespace rktlet::streaming {

class Tokens {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  static constexpr std::chrono::seconds kLifetime{60};
  static constexpr size_t kMax = 1000;  // as in the kubelet's library
  // The clock is for tests.
  explicit Tokens(Clock clock = std::chrono::steady_clock::now) : clock_(std::move(clock)) {}

  // 192 random bits as 32 characters that stand in a path as they are. ResourceExhausted when too many wait to be used.
  absl::StatusOr<std::string> Insert(Request request);

  // The request, which the token then does not stand for any more. nullopt: unknown, used, or too old.
  std::optional<Request> Consume(const std::string& token);

  size_t size() const { return requests_.size(); }

 private:
  void DropExpired();

  Clock clock_;
  std::unordered_map<std::string, Request> requests_;
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>> expiries_;  // in order
};

}  // namespace rktlet::streaming
