// SPDX-License-Identifier: Apache-2.0
// Samples of containers and pods as CRI tells them, and the filters of their lists.
#pragma once

#include <vector>

#include "cri/v1/api.pb.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/stats/collector.h"

namespace rktlet::cri {

v1::ContainerStats ToCri(const pods::ContainerView& container, const stats::ContainerSample& sample);

// Reads and tells the pod as a whole and each of its running containers.
v1::PodSandboxStats SamplePod(Context& context, const pods::PodView& pod, const stats::SliceOwners& owners);

// An id in a filter may be the beginning of one.
bool Matches(const v1::ContainerStatsFilter& filter, const pods::ContainerView& container);
bool Matches(const v1::PodSandboxStatsFilter& filter, const pods::PodView& pod);

// The running containers of the pod with their samples; one that cannot be read is logged and left out.
struct SampledContainer {
  pods::ContainerView view;
  stats::ContainerSample sample;
};
std::vector<SampledContainer> SampleContainers(Context& context, const std::vector<pods::ContainerView>& containers,
                                               stats::Detail detail = stats::Detail::kStats);
std::vector<const stats::ContainerSample*> SamplesOf(const std::vector<SampledContainer>& containers);

}  // namespace rktlet::cri
