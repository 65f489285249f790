// SPDX-License-Identifier: Apache-2.0
// `rkt app prepare`: what of a pod must exist before its unit starts.
#pragma once

#include <string>

#include "base/status.h"
#include "spec/layout.h"
#include "spec/records.h"

namespace rkt::pod {

// Afterwards the pod directory is complete and the pod's network namespace pinned. Repeating it with the same document
// is OK and completes what an interrupted run left; AlreadyExists with another document; FailedPrecondition when the
// pod was made before a reboot or has been stopped. A failure leaves nothing that was not there before.
absl::StatusOr<rktlet::spec::PodRecord> PreparePod(const rktlet::spec::Layout& layout,
                                                   const rktlet::spec::PodSpec& pod);

// The same for a pod that must not be there yet: AlreadyExists when it is, and nothing is done to it.
absl::StatusOr<rktlet::spec::PodRecord> PrepareNewPod(const rktlet::spec::Layout& layout,
                                                      const rktlet::spec::PodSpec& pod);

// From now on the pod's unit is `unit`, in `slice`, where its supervisor is about to run. FailedPrecondition when the
// pod runs, has been stopped, or is rktlet's.
absl::StatusOr<rktlet::spec::PodRecord> MovePodToUnit(const rktlet::spec::Layout& layout,
                                                      const rktlet::spec::PodId& pod, const std::string& unit,
                                                      const std::string& slice);

// Names of directories beside the pods' that are not pods: being made, being removed.
inline constexpr char kPreparePrefix[] = ".prepare-";
inline constexpr char kRemovePrefix[] = ".remove-";

}  // namespace rkt::pod
