// SPDX-License-Identifier: Apache-2.0
// The lock of a pod and how a pod is found by what a person types.
#pragma once

#include <string>

#include "base/files.h"
#include "base/status.h"
#include "spec/layout.h"

namespace rkt::pod {

// Serialises the commands that change a pod. Never taken inside a unit, never held across a wait for systemd. NotFound
// when the pod does not exist, or was removed while we waited.
absl::StatusOr<rktlet::base::FileLock> LockPod(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

// The pod whose id is `text` or, alone among all, begins with it. NotFound `no matches found for "X"`, InvalidArgument
// when ambiguous.
absl::StatusOr<rktlet::spec::PodId> FindPod(const rktlet::spec::Layout& layout, const std::string& text);

}  // namespace rkt::pod
