// SPDX-License-Identifier: Apache-2.0
// What an RPC works with: references to the daemon's parts, which outlive every call. Loop thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/engine/image_cache.h"
#include "rktlet/engine/network_monitor.h"
#include "rktlet/engine/puller.h"
#include "rktlet/pods/directory.h"
#include "rktlet/stats/collector.h"
#include "rktlet/stats/disk_usage.h"
#include "spec/layout.h"

namespace rktlet::pods {
class Pods;
}

namespace rktlet::streaming {
class Server;
}

namespace rktlet::cri {

class EventFeed;

// What UpdateRuntimeConfig told us.
struct NodeConfig {
  std::string pod_cidr;
};

struct Context {
  boost::asio::io_context& loop;
  const config::Config& config;  // the current one: a reload changes it in place
  const spec::Layout& layout;
  engine::Engine& engine;
  engine::ImageCache& images;
  engine::Puller& puller;
  engine::NetworkMonitor& network;
  stats::Collector& stats;
  stats::DiskUsage& disk;
  const pods::Directory& directory;
  pods::Pods* pods = nullptr;  // null only in tests of RPCs that do without
  NodeConfig node = {};
  EventFeed* events = nullptr;           // as pods
  streaming::Server* streams = nullptr;  // as pods
};

}  // namespace rktlet::cri
