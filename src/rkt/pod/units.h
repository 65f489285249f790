// SPDX-License-Identifier: Apache-2.0
// The parts of a pod's life that need systemd: start and stop of its unit.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/pod/pod_network.h"
#include "spec/layout.h"
#include "systemd/manager.h"
#include "unit/pod_unit.h"

namespace rkt::pod {

// Starts the unit of a prepared pod and waits until its supervisor is ready. After a failure the unit is stopped and
// reset; AlreadyExists, with nothing done, when there is one of its name.
boost::asio::awaitable<absl::Status> StartPodUnit(rktlet::systemd::Manager& manager, rktlet::spec::PodRecord pod,
                                                  rktlet::unit::Programs programs, rktlet::unit::UnitOptions options);

// Stops the pod for good: its unit, with it its containers, then the rest of its containers' units. `force` kills their
// processes first. The network is the caller's to take down. Nothing to stop is OK.
boost::asio::awaitable<absl::Status> StopPodUnits(rktlet::systemd::Manager& manager, rktlet::spec::Layout layout,
                                                  rktlet::spec::PodId pod, bool force);

// Has systemd forget units that have failed. Those it does not know are fine.
boost::asio::awaitable<absl::Status> ResetUnits(rktlet::systemd::Manager& manager, std::vector<std::string> units);

// What of the machine decides how units are built.
rktlet::unit::UnitOptions LocalUnitOptions();

// Writes down that the pod is to stop: from then on nothing starts it.
absl::Status MarkStopped(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

}  // namespace rkt::pod
