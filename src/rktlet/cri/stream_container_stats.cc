// SPDX-License-Identifier: Apache-2.0
// The answer to ListContainerStats in parts: a snapshot, however long.
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd StreamContainerStats(Context& context, engine::Cancellation cancelled,
                               const v1::StreamContainerStatsRequest& request,
                               Sink<v1::StreamContainerStatsResponse>& sink) {
  v1::ListContainerStatsRequest list;
  *list.mutable_filter() = request.filter();
  auto all = co_await ListContainerStats(context, cancelled, list);
  CO_RETURN_IF_ERROR(all.status());
  co_return co_await SendInParts(sink, *all->mutable_stats(),
                                 &v1::StreamContainerStatsResponse::mutable_container_stats);
}

}  // namespace rktlet::cri
