// SPDX-License-Identifier: Apache-2.0
// The container that a CreateContainer request asks for. Every field is taken over or refused by name.
#pragma once

#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "spec/container_spec.h"
#include "spec/pod_spec.h"

namespace rktlet::cri {

// With a fresh id. `pod` is what the sandbox was made from: what the request repeats of it does not count.
absl::StatusOr<spec::ContainerSpec> ContainerSpecFromCri(const runtime::v1::CreateContainerRequest& request,
                                                         const spec::PodSpec& pod);

}  // namespace rktlet::cri
