// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/status_to_cri.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::ListPodSandboxResponse> ListPodSandbox(Context& context, engine::Cancellation /*cancelled*/,
                                                 const v1::ListPodSandboxRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  v1::ListPodSandboxResponse response;
  for (const pods::PodPtr& pod : context.pods->ListPods()) {
    if (Matches(request.filter(), *pod)) {
      *response.add_items() = PodToCri(*pod);
    }
  }
  co_return response;
}

}  // namespace rktlet::cri
