// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::UpdatePodSandboxResourcesResponse> UpdatePodSandboxResources(
    Context& context, engine::Cancellation /*cancelled*/, const v1::UpdatePodSandboxResourcesRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::PodPtr> pod = context.pods->GetPod(request.pod_sandbox_id());
  CO_RETURN_IF_ERROR(pod.status());
  spec::PodResources update;
  if (request.has_overhead()) {
    CO_ASSIGN_OR_RETURN(update.overhead, ResourcesFromCri("overhead", request.overhead()));
  }
  if (request.has_resources()) {
    CO_ASSIGN_OR_RETURN(update.resources, ResourcesFromCri("resources", request.resources()));
  }
  CO_RETURN_IF_ERROR(spec::Validate(update));
  const absl::Status updated = co_await context.pods->UpdatePod(*pod, std::move(update));
  CO_RETURN_IF_ERROR(updated);
  co_return v1::UpdatePodSandboxResourcesResponse();
}

}  // namespace rktlet::cri
