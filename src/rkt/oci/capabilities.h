// SPDX-License-Identifier: Apache-2.0
// Capability sets of a container, by the rules that users of other CRI runtimes know (capabilities(7)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/security.h"

namespace rkt::oci {

// "net_admin", "CAP_NET_ADMIN" → "CAP_NET_ADMIN". InvalidArgument for a name that Linux does not know.
absl::StatusOr<std::string> CapabilityName(std::string_view text);

// The names of the capabilities in a mask as /proc/<pid>/status prints it.
std::vector<std::string> CapabilitiesOfMask(uint64_t mask);

// The sets of a container's process. `available` is the bounding set that its unit will start with; what was asked for
// by name and is not in it is left out and told in `warnings`. A privileged container has all that is available.
absl::StatusOr<ProcessCapabilities> BuildCapabilities(const rktlet::spec::Capabilities& asked, bool privileged,
                                                      uint64_t available, std::vector<std::string>& warnings);

}  // namespace rkt::oci
