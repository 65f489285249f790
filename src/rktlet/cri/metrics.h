// SPDX-License-Identifier: Apache-2.0
// Samples of pods and containers as metrics.
#pragma once

#include "cri/v1/api.pb.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/stats_messages.h"
#include "rktlet/stats/devices.h"

namespace rktlet::cri {

// What a scrape looks at once.
struct MetricsSources {
  stats::DeviceNames devices;
  absl::StatusOr<stats::Filesystem> pods_filesystem;
};

v1::PodSandboxMetrics PodMetrics(Context& context, MetricsSources& sources, const pods::PodView& pod,
                                 const stats::SliceOwners& owners);

}  // namespace rktlet::cri
