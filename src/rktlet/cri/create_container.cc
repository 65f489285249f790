// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/strings.h"
#include "rktlet/cri/container_spec_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/engine/image_cache.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

namespace {

// A target of the PID namespace is told by its id or the beginning of one, and must be of the same pod.
absl::Status ResolveTarget(const pods::Pods& pods, const pods::Pod& pod, spec::ContainerSpec& container) {
  if (container.security.pid != spec::NamespaceMode::kTarget) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const pods::ContainerPtr target, pods.GetContainer(container.security.pid_target));
  if (target->pod != pod.id()) {
    return absl::InvalidArgumentError(
        base::StrCat("config.linux.security_context.namespace_options.target_id: container ", target->id().str(),
                     " is in another pod"));
  }
  container.security.pid_target = target->id().str();
  return absl::OkStatus();
}

}  // namespace

Reply<v1::CreateContainerResponse> CreateContainer(Context& context, engine::Cancellation /*cancelled*/,
                                                   const v1::CreateContainerRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::PodPtr> pod = context.pods->GetPod(request.pod_sandbox_id());
  CO_RETURN_IF_ERROR(pod.status());
  CO_ASSIGN_OR_RETURN(spec::ContainerSpec container, ContainerSpecFromCri(request, (*pod)->record.spec));
  CO_RETURN_IF_ERROR(ResolveTarget(*context.pods, **pod, container));
  if (context.images.loaded() && context.images.Find(container.image) == nullptr) {
    co_return absl::NotFoundError(base::StrCat("image \"", container.image, "\" is not present"));
  }
  const absl::StatusOr<spec::ContainerId> id = co_await context.pods->CreateContainer(*pod, std::move(container));
  CO_RETURN_IF_ERROR(id.status());
  v1::CreateContainerResponse response;
  response.set_container_id(id->str());
  co_return response;
}

}  // namespace rktlet::cri
