// SPDX-License-Identifier: Apache-2.0
// The answer to ListContainers in parts: a snapshot, however long.
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd StreamContainers(Context& context, engine::Cancellation cancelled, const v1::StreamContainersRequest& request,
                           Sink<v1::StreamContainersResponse>& sink) {
  v1::ListContainersRequest list;
  *list.mutable_filter() = request.filter();
  auto all = co_await ListContainers(context, cancelled, list);
  CO_RETURN_IF_ERROR(all.status());
  co_return co_await SendInParts(sink, *all->mutable_containers(), &v1::StreamContainersResponse::mutable_containers);
}

}  // namespace rktlet::cri
