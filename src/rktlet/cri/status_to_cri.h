// SPDX-License-Identifier: Apache-2.0
// Pods and containers as CRI's answers show them, and the filters of its lists.
#pragma once

#include <string>

#include "cri/v1/api.pb.h"
#include "rktlet/pods/model.h"

namespace rktlet::cri {

runtime::v1::PodSandboxStatus PodStatusToCri(const pods::Pod& pod);
runtime::v1::PodSandbox PodToCri(const pods::Pod& pod);
runtime::v1::ContainerStatus ContainerStatusToCri(const pods::Container& container);
runtime::v1::Container ContainerToCri(const pods::Container& container);

// An id in a filter may be the beginning of one.
bool Matches(const runtime::v1::PodSandboxFilter& filter, const pods::Pod& pod);
bool Matches(const runtime::v1::ContainerFilter& filter, const pods::Container& container);

}  // namespace rktlet::cri
