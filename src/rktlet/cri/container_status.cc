// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/status_to_cri.h"
#include "rktlet/cri/verbose_info.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::ContainerStatusResponse> ContainerStatus(Context& context, engine::Cancellation /*cancelled*/,
                                                   const v1::ContainerStatusRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  CO_RETURN_IF_ERROR(container.status());
  v1::ContainerStatusResponse response;
  *response.mutable_status() = ContainerStatusToCri(**container);
  if (request.verbose()) {
    const pods::PodPtr pod = context.pods->PodOf(**container);
    (*response.mutable_info())["info"] = ContainerInfoJson(context.layout, pod.get(), **container);
  }
  co_return response;
}

}  // namespace rktlet::cri
