// SPDX-License-Identifier: Apache-2.0
// The answer to ListPodSandboxStats in parts: a snapshot, however long.
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd StreamPodSandboxStats(Context& context, engine::Cancellation cancelled,
                                const v1::StreamPodSandboxStatsRequest& request,
                                Sink<v1::StreamPodSandboxStatsResponse>& sink) {
  v1::ListPodSandboxStatsRequest list;
  *list.mutable_filter() = request.filter();
  auto all = co_await ListPodSandboxStats(context, cancelled, list);
  CO_RETURN_IF_ERROR(all.status());
  co_return co_await SendInParts(sink, *all->mutable_stats(),
                                 &v1::StreamPodSandboxStatsResponse::mutable_pod_sandbox_stats);
}

}  // namespace rktlet::cri
