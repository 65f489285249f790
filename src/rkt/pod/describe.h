// SPDX-License-Identifier: Apache-2.0
// Pods and apps as the JSON of `rkt list`, `rkt status`, `rkt app list` and `rkt app status`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/pod/observe.h"
#include "spec/layout.h"

namespace rkt::pod {

// `problems` gets a status for each app whose directory cannot be read; it is listed with the state "unknown".
nlohmann::json DescribePod(const rktlet::spec::Layout& layout, const PodView& pod, std::vector<absl::Status>& problems);

// One app of a pod. `boot_id` is this boot's.
nlohmann::json DescribeApp(const rktlet::spec::ContainerState& files, const std::string& boot_id);

}  // namespace rkt::pod
