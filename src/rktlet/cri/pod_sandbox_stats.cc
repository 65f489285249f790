// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/stats_messages.h"

namespace rktlet::cri {

Reply<v1::PodSandboxStatsResponse> PodSandboxStats(Context& context, engine::Cancellation,
                                                   const v1::PodSandboxStatsRequest& request) {
  CO_RETURN_IF_ERROR(context.directory.Recovered());
  const auto pod = context.directory.FindPod(request.pod_sandbox_id());
  CO_RETURN_IF_ERROR(pod.status());
  v1::PodSandboxStatsResponse response;
  *response.mutable_stats() = SamplePod(context, *pod, stats::SliceOwners(context.directory));
  co_return response;
}

}  // namespace rktlet::cri
