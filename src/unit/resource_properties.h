// SPDX-License-Identifier: Apache-2.0
// Limits as unit properties (systemd.resource-control(5)): the same list serves the start of a unit and a live change.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "spec/resources.h"
#include "systemd/property.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// InvalidArgument for a value that cannot be (a swap limit below the memory limit, a bad cpuset). What no property of
// systemd expresses is left to resource_files.h.
absl::StatusOr<std::vector<systemd::Property>> ResourceProperties(const spec::Resources& resources,
                                                                  CgroupVersion version);

// What a unit has without the property: for taking a limit back.
systemd::PropertyValue DefaultOf(const std::string& property);

// Whether the attribute of cgroup v2 ("memory.high") is a property, and so no file. systemd would overwrite the file.
bool IsPropertyOfUnified(const std::string& attribute);

// cgroup v1 shares (2…262144) as cgroup v2 weight (1…10000), the kubelet's and the OCI runtimes' formula.
uint64_t CpuWeightOfShares(int64_t shares);

}  // namespace rktlet::unit
