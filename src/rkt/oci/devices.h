// SPDX-License-Identifier: Apache-2.0
// Device nodes of a container besides the ones that every container has (null, zero, full, tty, random, urandom, ptmx),
// which crun makes itself. Who may use them is a property of the unit (DeviceAllow=).
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/container_spec.h"
#include "spec/hooks.h"

namespace rkt::oci {

// A node for a container, and what its unit has to allow for it: the real path on the host.
struct GivenDevice {
  LinuxDevice node;
  rktlet::spec::AllowedDevice allowed;
};

// The nodes for the devices asked for. A directory stands for all devices in it; symbolic links on the host are
// followed. NotFound or InvalidArgument names the device.
absl::StatusOr<std::vector<GivenDevice>> BuildDevices(const std::vector<rktlet::spec::Device>& devices);

// Every device below `dev`, for a privileged container; not the ones that a container has of its own.
absl::StatusOr<std::vector<LinuxDevice>> HostDevices(const std::string& dev = "/dev");

}  // namespace rkt::oci
