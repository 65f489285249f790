// SPDX-License-Identifier: Apache-2.0
// The pod that a RunPodSandbox request asks for. Every field is taken over or refused by name.
#pragma once

#include <string>

#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "spec/pod_spec.h"

namespace rktlet::cri {

// With a fresh id. `default_slice` is where a pod without a cgroup_parent goes.
absl::StatusOr<spec::PodSpec> PodSpecFromCri(const runtime::v1::RunPodSandboxRequest& request,
                                             const std::string& default_slice);

}  // namespace rktlet::cri
