// SPDX-License-Identifier: Apache-2.0
// The mount point below which containers' roots are mounted, each in the mount namespace of its own unit. It is
// private, so that nothing below it propagates, while the rest of that namespace keeps the propagation of the host's
// mounts.
#pragma once

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::oci {

// Afterwards <run dir>/mnt is bind-mounted on itself and private, with the directories for root and shm. Done once per
// boot, in the host's mount namespace; later calls only look.
absl::Status EnsurePrivateMounts(const rktlet::spec::Layout& layout);

// Lets the root of a user namespace pass to a container's root: the way there is closed to everybody else's eyes, but
// not to their steps.
absl::Status OpenWayToRoots(const rktlet::spec::Layout& layout);

}  // namespace rkt::oci
