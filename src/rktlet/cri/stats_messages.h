// SPDX-License-Identifier: Apache-2.0
// A sample of a container as CRI tells it.
#pragma once

#include "cri/v1/api.pb.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/stats/collector.h"

namespace rktlet::cri {

v1::ContainerStats ToCri(const pods::ContainerView& container, const stats::ContainerSample& sample);

}  // namespace rktlet::cri
