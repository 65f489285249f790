// SPDX-License-Identifier: Apache-2.0
// Tells when something at a path changes, by inotify(7), whether it exists yet or not. Loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace rktlet::engine {

class PathWatch {
 public:
  // A path is a directory, whose entries are watched, or a file. `callback` runs on the loop, once for a burst of
  // changes, soon after its first one; it may be wrong in saying that something changed, never in not saying it.
  static absl::StatusOr<std::unique_ptr<PathWatch>> Create(boost::asio::any_io_executor executor,
                                                           std::vector<std::string> paths,
                                                           std::function<void()> callback);
  ~PathWatch();
  PathWatch(const PathWatch&) = delete;
  PathWatch& operator=(const PathWatch&) = delete;

 private:
  class State;
  explicit PathWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace rktlet::engine
