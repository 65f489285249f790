// SPDX-License-Identifier: Apache-2.0
// All processes of containers stopped where they are, at one moment for several of them, and let go again: by systemd
// (FreezeUnit, ThawUnit) on cgroup v2; on v1, where systemd cannot, by the file of its own v2 hierarchy.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/records.h"
#include "systemd/freezer.h"
#include "systemd/manager.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// Directory of the group in which the container is frozen.
std::string FreezerDirectory(const Cgroups& cgroups, const spec::PodRecord& pod,
                             const spec::ContainerRecord& container);

std::string FreezerFile(const Cgroups& cgroups, const spec::PodRecord& pod, const spec::ContainerRecord& container);

// Returns when all are frozen; on an error some may be, and are to be thawed.
boost::asio::awaitable<absl::Status> FreezeContainers(systemd::Freezer& freezer, Cgroups cgroups, spec::PodRecord pod,
                                                      std::vector<spec::ContainerRecord> containers,
                                                      std::chrono::milliseconds timeout);

// Thaws all that it can, and returns the first error. A container that has ended meanwhile is none.
boost::asio::awaitable<absl::Status> ThawContainers(systemd::Freezer& freezer, Cgroups cgroups, spec::PodRecord pod,
                                                    std::vector<spec::ContainerRecord> containers);

// CRIU leaves the processes that it restores stopped, as by SIGSTOP. Afterwards they are not, and their group is frozen
// instead, until somebody writes 0 to its FreezerFile(): whoever waits for a child has seen no stop of it. systemd is
// not told: it would take the unit for frozen until it is asked to thaw it.
boost::asio::awaitable<absl::Status> HoldRestored(systemd::Manager& manager, Cgroups cgroups, spec::PodRecord pod,
                                                  spec::ContainerRecord container);

}  // namespace rktlet::unit
