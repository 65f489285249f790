// SPDX-License-Identifier: Apache-2.0
// The record of a container gets new limits. What runs is not touched: that is unit/update_container.h.
#pragma once

#include "base/status.h"
#include "rkt/oci/host_facts.h"
#include "spec/layout.h"
#include "spec/resource_documents.h"

namespace rkt::oci {

// Replaces the resources in app.json, and what follows from them in config.json, with the pod locked. NotFound when the
// container is gone, FailedPrecondition when it has ended. Prints nothing half: a reader sees the old or the new
// record.
absl::StatusOr<rktlet::spec::ContainerRecord> UpdateContainerRecord(const rktlet::spec::Layout& layout,
                                                                    const rktlet::spec::PodId& pod,
                                                                    const rktlet::spec::AppName& app,
                                                                    const rktlet::spec::Resources& resources,
                                                                    const HostFacts& facts);

}  // namespace rkt::oci
