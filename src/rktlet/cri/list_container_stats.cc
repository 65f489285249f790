// SPDX-License-Identifier: Apache-2.0
// Of running containers, as clients expect: what has ended uses nothing but its disk.
#include "rktlet/cri/stats_messages.h"

namespace rktlet::cri {

Reply<v1::ListContainerStatsResponse> ListContainerStats(Context& context, engine::Cancellation,
                                                         const v1::ListContainerStatsRequest& request) {
  CO_RETURN_IF_ERROR(context.directory.Recovered());
  context.stats.Prune(context.directory);
  std::vector<pods::ContainerView> wanted;
  for (const pods::ContainerView& view : context.directory.AllContainers()) {
    if (Matches(request.filter(), view)) {
      wanted.push_back(view);
    }
  }
  v1::ListContainerStatsResponse response;
  for (const SampledContainer& container : SampleContainers(context, wanted)) {
    *response.add_stats() = ToCri(container.view, container.sample);
  }
  co_return response;
}

}  // namespace rktlet::cri
