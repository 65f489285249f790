// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/status_to_cri.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::ListContainersResponse> ListContainers(Context& context, engine::Cancellation /*cancelled*/,
                                                 const v1::ListContainersRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  v1::ListContainersResponse response;
  for (const pods::ContainerPtr& container : context.pods->ListContainers()) {
    if (Matches(request.filter(), *container)) {
      *response.add_containers() = ContainerToCri(*container);
    }
  }
  co_return response;
}

}  // namespace rktlet::cri
