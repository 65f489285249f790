// SPDX-License-Identifier: Apache-2.0
// The record of a pod gets new sums of what its containers use. Nothing enforces them here: the pod's slice belongs to
// the kubelet.
#pragma once

#include "base/status.h"
#include "spec/layout.h"
#include "spec/resource_documents.h"

namespace rkt::pod {

// Replaces overhead and resources in pod.json, with the pod locked; what is absent stays. FailedPrecondition when the
// pod was stopped.
absl::StatusOr<rktlet::spec::PodRecord> UpdatePodRecord(const rktlet::spec::Layout& layout,
                                                        const rktlet::spec::PodId& pod,
                                                        const rktlet::spec::PodResources& resources);

}  // namespace rkt::pod
