// SPDX-License-Identifier: Apache-2.0
// What remains of a pod whose units have ended: taken away, however often it is tried, and whatever state it was left
// in.
#pragma once

#include "base/status.h"
#include "rkt/pod/pod_network.h"
#include "spec/layout.h"

namespace rkt::pod {

// Network, runtime state of its containers, pinned namespaces, directories: all gone, or an error. FailedPrecondition
// when the pod runs; NotFound when there is none. Works for a pod whose records cannot be read. Takes the pod's lock.
absl::Status RemovePod(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                       const NetworkOptions& network);

// The units that a pod and its containers may have left as failed, as far as its records can be read.
std::vector<std::string> UnitsOfPod(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

}  // namespace rkt::pod
