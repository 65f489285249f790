// SPDX-License-Identifier: Apache-2.0
// What remains of a container once nothing of it runs: taken away, however often it is tried.
#pragma once

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::oci {

// Lets the supervisor go of the container's streams and log, removes the runtime's state and the container directory.
// The container's unit must be stopped. Absent is OK. Takes along what killed commands left in the pod's apps
// directory.
absl::Status RemoveContainerFiles(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                                  const rktlet::spec::AppName& app);

// Removes the runtime's state of a container (its gate, its pid): after a failed or finished one.
absl::Status RemoveRuntimeState(const rktlet::spec::Layout& layout, const rktlet::spec::ContainerId& id);

}  // namespace rkt::oci
