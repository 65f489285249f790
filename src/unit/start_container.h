// SPDX-License-Identifier: Apache-2.0
// The start of a container, the same for `rkt app start` and the daemon: one D-Bus call, then one message to the
// supervisor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>

#include "base/status.h"
#include "spec/layout.h"
#include "spec/records.h"
#include "systemd/manager.h"
#include "unit/cgroup.h"
#include "unit/pod_unit.h"

namespace rktlet::unit {

struct StartResult {
  int64_t started_at = 0;  // ns since the epoch, as in the `started` record
};

// Starts the container's unit, waits for its job, opens the gate, and runs the poststart hooks, if there are any. On an
// error nothing of the container runs any more, the unit is reset, and an exit record (reason StartError) with the
// message of the returned status is written. `before_gate`, unless it is null, is called when the container's process
// waits at the gate; its error is the start's.
boost::asio::awaitable<absl::StatusOr<StartResult>> StartContainer(
    systemd::Manager& manager, Programs programs, UnitOptions options, Cgroups cgroups, spec::PodRecord pod,
    spec::ContainerRecord container, std::chrono::milliseconds timeout,
    const std::function<absl::Status()>* before_gate = nullptr);

// Why the start of a container failed, by what it left in its directory: start-error, else the last error in the OCI
// runtime's log, else "".
std::string StartFailureText(const spec::Layout& layout, const spec::PodId& pod, const spec::AppName& app);

// The exit code that CRI's users expect for a start error with this text: 127 command not found, 126 not executable,
// else 128.
int StartFailureCode(const std::string& text);

}  // namespace rktlet::unit
