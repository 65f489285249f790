// SPDX-License-Identifier: Apache-2.0
// What an RPC works with: references to the daemon's parts, which outlive every call. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/pods/directory.h"

namespace rktlet::engine {
class ImageCache;
class NetworkMonitor;
}  // namespace rktlet::engine
namespace rktlet::pods {
class Pods;
}
namespace rktlet::stats {
class Collector;
}

namespace rktlet::cri {

// What UpdateRuntimeConfig told us.
struct NodeConfig {
  std::string pod_cidr;
};

struct Context {
  boost::asio::io_context& loop;
  const config::Config& config;  // the current one: a reload changes it in place
  engine::Engine& engine;
  engine::ImageCache& images;
  engine::NetworkMonitor& network;
  const pods::Directory& directory;
  stats::Collector& stats;
  pods::Pods* pods = nullptr;  // null only in tests of RPCs that do without
  NodeConfig node;
};

}  // namespace rktlet::cri
