// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

// What the request leaves out (0, empty) stays as it is. CRI's annotations of an update are for plugins that extend a
// runtime, of which there are none.
Reply<v1::UpdateContainerResourcesResponse> UpdateContainerResources(
    Context& context, engine::Cancellation /*cancelled*/, const v1::UpdateContainerResourcesRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  if (request.has_windows()) {
    co_return UnbuiltField("windows", "containers of Windows are");
  }
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  CO_RETURN_IF_ERROR(container.status());
  CO_ASSIGN_OR_RETURN(spec::Resources update, ResourcesFromCri("linux", request.linux()));
  if (update.oom_score_adj == 0) {
    update.oom_score_adj.reset();
  }
  const absl::Status updated = co_await context.pods->UpdateContainer(*container, std::move(update));
  CO_RETURN_IF_ERROR(updated);
  co_return v1::UpdateContainerResourcesResponse();
}

}  // namespace rktlet::cri
