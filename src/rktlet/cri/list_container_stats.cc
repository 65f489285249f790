// SPDX-License-Identifier: Apache-2.0
// Of running containers, as clients expect: what has ended uses nothing but its disk.
#include "base/journal.h"
#include "rktlet/cri/stats_messages.h"

namespace rktlet::cri {
namespace {

bool Matches(const v1::ContainerStatsFilter& filter, const pods::ContainerView& view) {
  const spec::ContainerSpec& spec = view.container->spec;
  if (!spec.id.str().starts_with(filter.id()) || !view.pod->spec.id.str().starts_with(filter.pod_sandbox_id())) {
    return false;
  }
  for (const auto& [key, value] : filter.label_selector()) {
    const auto label = spec.labels.find(key);
    if (label == spec.labels.end() || label->second != value) {
      return false;
    }
  }
  return true;
}

}  // namespace

Reply<v1::ListContainerStatsResponse> ListContainerStats(Context& context, engine::Cancellation,
                                                         const v1::ListContainerStatsRequest& request) {
  context.stats.Prune(context.directory);
  v1::ListContainerStatsResponse response;
  for (const pods::ContainerView& view : context.directory.AllContainers()) {
    if (!view.running || !Matches(request.filter(), view)) {
      continue;
    }
    const auto sample = context.stats.Sample(view);
    if (sample.ok()) {
      *response.add_stats() = ToCri(view, *sample);
    } else {
      base::journal::Warning("No statistics of a container",
                             {{"CONTAINER_ID", view.container->spec.id.str()}, {"STATUS", sample.status()}});
    }
  }
  co_return response;
}

}  // namespace rktlet::cri
