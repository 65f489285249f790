// SPDX-License-Identifier: Apache-2.0
// `app start --here`: what stands in ExecStart= of a container's unit. It becomes `create` of the OCI runtime, whose
// child waits at the gate and is the unit's main process.
#pragma once

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::oci {

// Does not return but for an error, after which the process must end: it may be in a mount namespace of its own.
absl::Status StartHere(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                       const rktlet::spec::AppName& app);

// Leaves the reason of a failed start in the container directory, where StartContainer looks for it.
void WriteStartError(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                     const rktlet::spec::AppName& app, const absl::Status& status);

}  // namespace rkt::oci
