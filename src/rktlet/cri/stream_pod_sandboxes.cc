// SPDX-License-Identifier: Apache-2.0
// The answer to ListPodSandbox in parts: a snapshot, however long.
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd StreamPodSandboxes(Context& context, engine::Cancellation cancelled,
                             const v1::StreamPodSandboxesRequest& request, Sink<v1::StreamPodSandboxesResponse>& sink) {
  v1::ListPodSandboxRequest list;
  *list.mutable_filter() = request.filter();
  auto all = co_await ListPodSandbox(context, cancelled, list);
  CO_RETURN_IF_ERROR(all.status());
  co_return co_await SendInParts(sink, *all->mutable_items(), &v1::StreamPodSandboxesResponse::mutable_pod_sandboxes);
}

}  // namespace rktlet::cri
