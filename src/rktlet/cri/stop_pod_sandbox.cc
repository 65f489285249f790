// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

// A pod that is not there any more is one that has been stopped.
Reply<v1::StopPodSandboxResponse> StopPodSandbox(Context& context, engine::Cancellation /*cancelled*/,
                                                 const v1::StopPodSandboxRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::PodPtr> pod = context.pods->GetPod(request.pod_sandbox_id());
  if (absl::IsNotFound(pod.status())) {
    co_return v1::StopPodSandboxResponse();
  }
  CO_RETURN_IF_ERROR(pod.status());
  const absl::Status done = co_await context.pods->StopPod(*pod);
  CO_RETURN_IF_ERROR(done);
  co_return v1::StopPodSandboxResponse();
}

}  // namespace rktlet::cri
