// SPDX-License-Identifier: Apache-2.0
// Of ready pods, as clients expect: of the others nothing runs.
#include "rktlet/cri/stats_messages.h"

namespace rktlet::cri {

Reply<v1::ListPodSandboxStatsResponse> ListPodSandboxStats(Context& context, engine::Cancellation,
                                                           const v1::ListPodSandboxStatsRequest& request) {
  CO_RETURN_IF_ERROR(context.directory.Recovered());
  context.stats.Prune(context.directory);
  const stats::SliceOwners owners(context.directory);
  v1::ListPodSandboxStatsResponse response;
  for (const pods::PodView& pod : context.directory.AllPods()) {
    if (pod.ready && Matches(request.filter(), pod)) {
      *response.add_stats() = SamplePod(context, pod, owners);
    }
  }
  co_return response;
}

}  // namespace rktlet::cri
