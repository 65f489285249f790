// SPDX-License-Identifier: Apache-2.0
// The unit in which the poststart hooks of a container run. A unit of their own and not the container's: the hooks run
// when the container does, with none of its limits, and systemd ends those that hang.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "base/status.h"
#include "spec/records.h"
#include "systemd/manager.h"
#include "systemd/transient_unit.h"
#include "unit/pod_unit.h"

namespace rktlet::unit {

// rkt-poststart-<container>.service, a oneshot in the pod's slice.
absl::StatusOr<systemd::TransientUnit> BuildPoststartUnit(const spec::PodRecord& pod,
                                                          const spec::ContainerRecord& container,
                                                          const Programs& programs);

// Runs them to their end; nothing is done for a container without any. The error is the hook's, in words. The unit is
// gone afterwards.
boost::asio::awaitable<absl::Status> RunPoststartHooks(systemd::Manager& manager, Programs programs,
                                                       spec::PodRecord pod, spec::ContainerRecord container,
                                                       std::chrono::milliseconds timeout);

}  // namespace rktlet::unit
