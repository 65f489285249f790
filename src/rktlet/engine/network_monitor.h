// SPDX-License-Identifier: Apache-2.0
// Whether pods could get a network, as last asked of the engine: asked again when the CNI configuration changes, and
// when the answer is old, because a plugin (CNI's STATUS) may change its mind without any file changing. Loop thread
// only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>

#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/engine/path_watch.h"

namespace rktlet::engine {

class NetworkMonitor {
 public:
  NetworkMonitor(boost::asio::any_io_executor executor, Engine& engine, const config::Config& config);

  // Asks and waits for the answer.
  Awaitable<void> Refresh();

  // From memory; starts asking again when the answer is old.
  const NetworkStatus& status();

  // Watches the directories that the configuration names now.
  void Rewatch();

 private:
  void RefreshInBackground();

  boost::asio::any_io_executor executor_;
  Engine& engine_;
  const config::Config& config_;
  NetworkStatus status_{.ready = false, .reason = "Starting", .message = "the network has not been looked at yet"};
  std::chrono::steady_clock::time_point asked_at_;
  bool asking_ = false;
  bool again_ = false;  // something changed while asking
  std::unique_ptr<PathWatch> watch_;
};

}  // namespace rktlet::engine
