// SPDX-License-Identifier: Apache-2.0
// What the parts of this folder work with: the daemon's services, the store, and a few times that are the same
// everywhere.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <string>

#include "base/clock.h"
#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/pods/events.h"
#include "rktlet/pods/store.h"
#include "rktlet/pods/supervisors.h"
#include "spec/layout.h"
#include "systemd/manager.h"
#include "systemd/unit_watcher.h"
#include "unit/cgroup.h"
#include "unit/pod_unit.h"

namespace rktlet::pods {

// Times that no user sets. A process that SIGKILL was sent to ends at once unless it hangs in the kernel.
struct Patience {
  std::chrono::milliseconds killed_process = std::chrono::seconds(30);
  std::chrono::milliseconds unit_stop = std::chrono::seconds(120);  // ExecStopPost= included
};

struct Environment {
  boost::asio::any_io_executor executor;
  systemd::Manager& manager;
  systemd::UnitWatcher& watcher;
  engine::Engine& engine;
  Supervisors& supervisors;
  const config::Config& config;
  unit::Programs programs;
  unit::Cgroups cgroups;
  base::Clock& clock;
  std::string boot_id;
  bool may_lower_oom_score = true;
  Patience patience;
  Store store;
  Events events;

  const spec::Layout& layout() const { return programs.layout; }
  // As the configuration is now.
  unit::UnitOptions unit_options() const;
  // How long the start of a unit may be waited for: systemd, which ends one that takes too long, needs time for that.
  std::chrono::milliseconds start_timeout() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(config.start_timeout) + patience.unit_stop;
  }
};

}  // namespace rktlet::pods
