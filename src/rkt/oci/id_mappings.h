// SPDX-License-Identifier: Apache-2.0
// Ids of a pod's user namespace, inside and on the node.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/pod_spec.h"

namespace rkt::oci {

// What an id inside is on the node; nullopt: nobody has it there.
std::optional<uint32_t> HostId(const std::vector<rktlet::spec::IdMapping>& mappings, uint32_t id);

// What ids 0 inside are on the node: 0 in a pod without a user namespace.
struct RootIds {
  uint32_t uid = 0;
  uint32_t gid = 0;
};
RootIds RootOf(const rktlet::spec::PodSpec& pod);

// InvalidArgument when a process of `user` cannot be in the pod's user namespace, if it has one.
absl::Status CheckMapped(const rktlet::spec::PodSpec& pod, const ProcessUser& user);

}  // namespace rkt::oci
