// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::ReopenContainerLogResponse> ReopenContainerLog(Context& context, engine::Cancellation /*cancelled*/,
                                                         const v1::ReopenContainerLogRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  CO_RETURN_IF_ERROR(container.status());
  const absl::Status reopened = co_await context.pods->ReopenLog(*container);
  CO_RETURN_IF_ERROR(reopened);
  co_return v1::ReopenContainerLogResponse();
}

}  // namespace rktlet::cri
