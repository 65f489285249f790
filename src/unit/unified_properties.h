// SPDX-License-Identifier: Apache-2.0
// Attributes of cgroup v2 (cgroup-v2.rst) as properties of a unit, where systemd 252 has one. Private to this folder.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "spec/resources.h"
#include "systemd/property.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// Properties by name, so that a later source replaces an earlier one.
using PropertyMap = std::map<std::string, systemd::PropertyValue>;

inline constexpr uint64_t kDefaultCpuPeriodUsec = 100'000;

// CPU time in µs a second that is at least `quota` in `period`, as systemd keeps it.
uint64_t QuotaPerSecond(uint64_t quota, uint64_t period);

// On v1 a unified attribute is FailedPrecondition.
absl::Status AddUnifiedProperties(const spec::Resources& resources, CgroupVersion version, PropertyMap& properties);

}  // namespace rktlet::unit
