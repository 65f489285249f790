// SPDX-License-Identifier: Apache-2.0
// New limits for a container that runs, the same for `rkt app update` and the daemon: one D-Bus call, and files of the
// control group for what systemd has no property for.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "base/status.h"
#include "spec/records.h"
#include "spec/resource_documents.h"
#include "systemd/manager.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// Whether `resources` can be enforced on this machine, before anything is done.
absl::Status CheckResources(const spec::Resources& resources, const Cgroups& cgroups);

// Whether a container that runs with `before` can go on with `after`.
absl::Status CheckUpdate(const spec::Resources& before, const spec::Resources& after, const Cgroups& cgroups);

// Afterwards the container's unit has the limits of `after`, also through a daemon-reload. On an error it has those of
// `before`. FailedPrecondition: the kernel refuses, or the unit is gone.
boost::asio::awaitable<absl::Status> ApplyResources(systemd::Manager& manager, Cgroups cgroups, spec::PodRecord pod,
                                                    spec::ContainerRecord container, spec::Resources before,
                                                    spec::Resources after);

}  // namespace rktlet::unit
