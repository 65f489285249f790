// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include "base/strings.h"
#include "rktlet/cri/container_spec_from_cri.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/engine/image_cache.h"
#include "rktlet/pods/pods.h"
#include "spec/log_journal.h"

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

// Whether what the container prints is copied to the journal, and how much of it.
absl::Status SetLogJournal(const config::Config& config, const spec::PodSpec& pod, spec::ContainerSpec& container) {
  bool wanted = config.log_to_journal;
  if (const auto asked = pod.annotations.find(spec::kPodLogToJournalAnnotation); asked != pod.annotations.end()) {
    if (asked->second != "true" && asked->second != "false") {
      return WrongField(base::StrCat("sandbox_config.annotations[", spec::kPodLogToJournalAnnotation, "]"),
                        base::StrCat("\"", asked->second, "\" is neither true nor false"));
    }
    wanted = asked->second == "true";
  }
  if (wanted) {
    const auto interval = std::chrono::ceil<std::chrono::milliseconds>(config.log_rate_interval);
    container.rkt_annotations[spec::kLogJournalAnnotation] = base::StrCat(config.log_rate_burst, " ", interval.count());
  }
  return absl::OkStatus();
}

}  // namespace

Reply<v1::CreateContainerResponse> CreateContainer(Context& context, engine::Cancellation /*cancelled*/,
                                                   const v1::CreateContainerRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  const absl::StatusOr<pods::PodPtr> pod = context.pods->GetPod(request.pod_sandbox_id());
  CO_RETURN_IF_ERROR(pod.status());
  CO_ASSIGN_OR_RETURN(spec::ContainerSpec container, ContainerSpecFromCri(request, (*pod)->record.spec));
  CO_RETURN_IF_ERROR(SetLogJournal(context.config, (*pod)->record.spec, container));
  container.devices_belong_to_user = context.config.device_ownership_from_security_context;
  container.without_host_devices = container.security.privileged && context.config.privileged_without_host_devices;
  CO_RETURN_IF_ERROR(ResolveTarget(*context.pods, **pod, container));
  const bool archive = container.image.starts_with('/');  // of a checkpoint: the engine looks at it
  const absl::Status listed = co_await context.images.Load();
  CO_RETURN_IF_ERROR(listed);
  if (!archive && context.images.Find(container.image) == nullptr) {
    co_return absl::NotFoundError(base::StrCat("image \"", container.image, "\" is not present"));
  }
  const absl::StatusOr<spec::ContainerId> id = co_await context.pods->CreateContainer(*pod, std::move(container));
  CO_RETURN_IF_ERROR(id.status());
  v1::CreateContainerResponse response;
  response.set_container_id(id->str());
  co_return response;
}

}  // namespace rktlet::cri
