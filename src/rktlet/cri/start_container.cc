// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::StartContainerResponse> StartContainer(Context& context, engine::Cancellation /*cancelled*/,
                                                 const v1::StartContainerRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  CO_RETURN_IF_ERROR(container.status());
  const absl::Status started = co_await context.pods->StartContainer(*container);
  CO_RETURN_IF_ERROR(started);
  co_return v1::StartContainerResponse();
}

}  // namespace rktlet::cri
