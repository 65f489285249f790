// SPDX-License-Identifier: Apache-2.0
// The oom_score_adj of what runs in a control group. It is a property of each process, inherited by its children, and
// no unit property once a unit runs.
#pragma once

#include <string>

#include "base/status.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// Sets it for every process of the group. PermissionDenied, with a sentence, when the kernel lets nobody lower it
// (CAP_SYS_RESOURCE is missing); some processes may have the new value then.
absl::Status SetOomScore(const Cgroups& cgroups, const std::string& control_group, int64_t score,
                         const std::string& proc = "/proc");

}  // namespace rktlet::unit
