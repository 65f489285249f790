// SPDX-License-Identifier: Apache-2.0
// Of ready pods and their running containers. Counting open files takes its time, so other work has its turn between
// two pods.
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "rktlet/cri/metrics.h"

namespace rktlet::cri {

Reply<v1::ListPodSandboxMetricsResponse> ListPodSandboxMetrics(Context& context, engine::Cancellation cancelled,
                                                               const v1::ListPodSandboxMetricsRequest& /*request*/) {
  CO_RETURN_IF_ERROR(context.directory.Recovered());
  context.stats.Prune(context.directory);
  std::vector<std::string> ids;
  for (const pods::PodView& pod : context.directory.AllPods()) {
    ids.push_back(pod.pod->spec.id.str());
  }
  MetricsSources sources{stats::DeviceNames(), stats::LookAtFilesystem(context.layout.Pods())};
  const stats::SliceOwners owners(context.directory);
  v1::ListPodSandboxMetricsResponse response;
  for (const std::string& id : ids) {
    if (cancelled.cancelled()) {
      co_return absl::CancelledError("the caller has gone");
    }
    const auto pod = context.directory.FindPod(id);
    if (pod.ok() && pod->ready) {
      *response.add_pod_metrics() = PodMetrics(context, sources, *pod, owners);
    }
    co_await boost::asio::post(context.loop, boost::asio::use_awaitable);
  }
  co_return response;
}

}  // namespace rktlet::cri
