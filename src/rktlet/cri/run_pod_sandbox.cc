// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "rktlet/cri/default_sysctls.h"
#include "rktlet/cri/pod_spec_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::RunPodSandboxResponse> RunPodSandbox(Context& context, engine::Cancellation /*cancelled*/,
                                               const v1::RunPodSandboxRequest& request) {
  CO_ASSIGN_OR_RETURN(spec::PodSpec pod, PodSpecFromCri(request, context.config.default_slice));
  AddDefaultSysctls(context.config, pod);
  if (pod.runtime_handler.empty()) {
    pod.runtime_handler = context.config.default_runtime_handler;
  }
  const absl::StatusOr<spec::PodId> id = co_await context.pods->RunPod(std::move(pod));
  CO_RETURN_IF_ERROR(id.status());
  v1::RunPodSandboxResponse response;
  response.set_pod_sandbox_id(id->str());
  co_return response;
}

}  // namespace rktlet::cri
