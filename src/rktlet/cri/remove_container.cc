// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

// A container that is not there any more is one that has been removed.
Reply<v1::RemoveContainerResponse> RemoveContainer(Context& context, engine::Cancellation /*cancelled*/,
                                                   const v1::RemoveContainerRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  if (absl::IsNotFound(container.status())) {
    co_return v1::RemoveContainerResponse();
  }
  CO_RETURN_IF_ERROR(container.status());
  const absl::Status removed = co_await context.pods->RemoveContainer(*container);
  CO_RETURN_IF_ERROR(removed);
  co_return v1::RemoveContainerResponse();
}

}  // namespace rktlet::cri
