// SPDX-License-Identifier: Apache-2.0
// The answer to ListPodSandboxMetrics in parts: a snapshot, however long.
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd StreamPodSandboxMetrics(Context& context, engine::Cancellation cancelled,
                                  const v1::StreamPodSandboxMetricsRequest& /*request*/,
                                  Sink<v1::StreamPodSandboxMetricsResponse>& sink) {
  const v1::ListPodSandboxMetricsRequest list;
  auto all = co_await ListPodSandboxMetrics(context, cancelled, list);
  CO_RETURN_IF_ERROR(all.status());
  co_return co_await SendInParts(sink, *all->mutable_pod_metrics(),
                                 &v1::StreamPodSandboxMetricsResponse::mutable_pod_sandbox_metrics);
}

}  // namespace rktlet::cri
