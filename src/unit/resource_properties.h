// SPDX-License-Identifier: Apache-2.0
// Limits as unit properties (systemd.resource-control(5)): the same list serves the start of a unit and a live change.
#pragma once

#include <vector>

#include "base/status.h"
#include "spec/resources.h"
#include "systemd/property.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// InvalidArgument for a value that cannot be (a swap limit below the memory limit, a bad cpuset);
// Unimplemented, with a sentence, for what no property of systemd 252 expresses.
absl::StatusOr<std::vector<systemd::Property>> ResourceProperties(const spec::Resources& resources,
                                                                  CgroupVersion version);

// cgroup v1 shares (2…262144) as cgroup v2 weight (1…10000), the kubelet's and the OCI runtimes' formula.
uint64_t CpuWeightOfShares(int64_t shares);

}  // namespace rktlet::unit
