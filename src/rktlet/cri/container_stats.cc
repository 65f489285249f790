// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/stats_messages.h"

namespace rktlet::cri {

Reply<v1::ContainerStatsResponse> ContainerStats(Context& context, engine::Cancellation,
                                                 const v1::ContainerStatsRequest& request) {
  CO_RETURN_IF_ERROR(context.directory.Recovered());
  auto view = context.directory.FindContainer(request.container_id());
  CO_RETURN_IF_ERROR(view.status());
  auto sample = context.stats.Sample(*view);
  CO_RETURN_IF_ERROR(sample.status());
  v1::ContainerStatsResponse response;
  *response.mutable_stats() = ToCri(*view, *sample);
  co_return response;
}

}  // namespace rktlet::cri
