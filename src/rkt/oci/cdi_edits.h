// SPDX-License-Identifier: Apache-2.0
// What CDI devices change in a container: its OCI runtime specification, and what is not said there.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cdi/resolve.h"
#include "rkt/oci/mounts.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/hooks.h"

namespace rkt::oci {

struct CdiChanges {
  std::vector<rktlet::spec::AllowedDevice> device_nodes;
  std::vector<std::string> mount_sources;  // of bind mounts, resolved
  std::vector<rktlet::spec::Hook> poststart;
};

// On top of a specification that is complete otherwise. Variables, devices and mounts replace those of the same name or
// place. `device_rules`: the runtime is told them as well. NotFound, InvalidArgument, FailedPrecondition or
// Unimplemented name the device, its file and the field.
absl::Status ApplyCdiEdits(const std::vector<rkt::cdi::DeviceEdits>& edits, const HostMounts& host_mounts,
                           bool device_rules, RuntimeSpec& spec, CdiChanges& changes);

}  // namespace rkt::oci
