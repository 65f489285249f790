// SPDX-License-Identifier: Apache-2.0
// The standard streams that an OCI runtime is given. crun makes the container's user their owner, so that they can be
// opened by name inside (/dev/stdout): right for pipes, wrong for a device of the node such as /dev/null.
#pragma once

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/pod_spec.h"

namespace rkt::oci {

// Opens anew those of the descriptors 0 to 2 that are devices but no terminals, through a read-only mount: they work as
// before, and their owner cannot be changed.
absl::Status GuardDevicesOfStdio();

// Gives those of the descriptors 0 to 2 that are pipes to `user` of the pod's user namespace, if it has one: from
// inside it the runtime cannot, as their owner is nobody there.
absl::Status OwnPipesOfStdio(const rktlet::spec::PodSpec& pod, const ProcessUser& user);

}  // namespace rkt::oci
