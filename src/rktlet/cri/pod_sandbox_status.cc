// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/status_to_cri.h"
#include "rktlet/cri/verbose_info.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::PodSandboxStatusResponse> PodSandboxStatus(Context& context, engine::Cancellation /*cancelled*/,
                                                     const v1::PodSandboxStatusRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::PodPtr> pod = context.pods->GetPod(request.pod_sandbox_id());
  CO_RETURN_IF_ERROR(pod.status());
  v1::PodSandboxStatusResponse response;
  *response.mutable_status() = PodStatusToCri(**pod);
  for (const auto& [id, container] : (*pod)->containers) {
    *response.add_containers_statuses() = ContainerStatusToCri(*container);
  }
  response.set_timestamp(context.pods->Now());
  if (request.verbose()) {
    (*response.mutable_info())["info"] = PodInfoJson(context.layout, **pod);
  }
  co_return response;
}

}  // namespace rktlet::cri
