// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/cri/checkpoint_arguments.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

namespace {

std::string ArchiveOf(const std::string& directory, const std::string& name) {
  return base::StrCat(directory, "/", name, ".tar");
}

absl::Status CheckConfigs(const v1::RestorePodRequest& request) {
  if (request.container_configs().empty()) {
    return WrongField("container_configs", "missing: there is no container to restore");
  }
  std::set<std::string> names;
  for (int i = 0; i < request.container_configs_size(); ++i) {
    const std::string& name = request.container_configs(i).metadata().name();
    const std::string field = base::StrCat("container_configs[", i, "].metadata.name");
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      return WrongField(field, base::StrCat("\"", name, "\" is no name of a container that was saved"));
    }
    if (!names.insert(name).second) {
      return WrongField(field, base::StrCat("\"", name, "\" is there twice"));
    }
    if (!base::Exists(ArchiveOf(request.checkpoint_path(), name))) {
      return absl::NotFoundError(
          base::StrCat(request.checkpoint_path(), " has no checkpoint of a container \"", name, "\""));
    }
  }
  return absl::OkStatus();
}

// What goes wrong later takes the pod along: it must be one that was not there before.
absl::Status CheckPodIsNew(const pods::Pods& pods, const v1::PodSandboxMetadata& metadata) {
  for (const pods::PodPtr& pod : pods.ListPods()) {
    const spec::PodSpec& spec = pod->record.spec;
    if (spec.name == metadata.name() && spec.namespace_ == metadata.namespace_() && spec.uid == metadata.uid() &&
        spec.attempt == metadata.attempt()) {
      return absl::AlreadyExistsError(
          base::StrCat("the pod exists already as ", pod->id().str(), ": a restore makes a new one"));
    }
  }
  spec::PodSpec same;
  same.namespace_ = metadata.namespace_();
  same.name = metadata.name();
  same.uid = metadata.uid();
  same.attempt = metadata.attempt();
  if (pods.IsStarting(same)) {
    return absl::AlreadyExistsError("the pod is being started: a restore makes a new one");
  }
  return absl::OkStatus();
}

boost::asio::awaitable<absl::Status> RestoreContainers(Context& context, const v1::RestorePodRequest& request,
                                                       v1::RestorePodResponse* response) {
  for (const v1::ContainerConfig& config : request.container_configs()) {
    v1::CreateContainerRequest create;
    create.set_pod_sandbox_id(response->pod_sandbox_id());
    *create.mutable_config() = config;
    v1::ImageSpec* image = create.mutable_config()->mutable_image();
    if (image->user_specified_image().empty()) {
      image->set_user_specified_image(image->image());
    }
    image->set_image(ArchiveOf(request.checkpoint_path(), config.metadata().name()));
    *create.mutable_sandbox_config() = request.config();
    const absl::StatusOr<v1::CreateContainerResponse> created =
        co_await CreateContainer(context, engine::Cancellation(), create);
    CO_RETURN_IF_ERROR(base::Annotate(created.status(), config.metadata().name()));
    v1::RestoredContainer* restored = response->add_restored_containers();
    restored->set_name(config.metadata().name());
    restored->set_container_id(created->container_id());
  }
  for (const v1::RestoredContainer& restored : response->restored_containers()) {
    v1::StartContainerRequest start;
    start.set_container_id(restored.container_id());
    const absl::StatusOr<v1::StartContainerResponse> started =
        co_await StartContainer(context, engine::Cancellation(), start);
    CO_RETURN_IF_ERROR(base::Annotate(started.status(), restored.name()));
  }
  co_return absl::OkStatus();
}

}  // namespace

// A pod and its containers as RunPodSandbox, CreateContainer and StartContainer make them, the archives in the place of
// images; all of it or nothing.
Reply<v1::RestorePodResponse> RestorePod(Context& context, engine::Cancellation /*cancelled*/,
                                         const v1::RestorePodRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  CO_RETURN_IF_ERROR(CheckCheckpointPath("checkpoint_path", request.checkpoint_path()));
  CO_RETURN_IF_ERROR(CheckCheckpointOptions(request.options()));
  CO_RETURN_IF_ERROR(CheckConfigs(request));
  CO_RETURN_IF_ERROR(CheckPodIsNew(*context.pods, request.config().metadata()));
  v1::RunPodSandboxRequest run;
  *run.mutable_config() = request.config();
  run.set_runtime_handler(request.runtime_handler());
  const absl::StatusOr<v1::RunPodSandboxResponse> pod = co_await RunPodSandbox(context, engine::Cancellation(), run);
  CO_RETURN_IF_ERROR(pod.status());
  v1::RestorePodResponse response;
  response.set_pod_sandbox_id(pod->pod_sandbox_id());
  const absl::Status restored = co_await RestoreContainers(context, request, &response);
  if (!restored.ok()) {
    v1::RemovePodSandboxRequest remove;
    remove.set_pod_sandbox_id(pod->pod_sandbox_id());
    const absl::StatusOr<v1::RemovePodSandboxResponse> removed =
        co_await RemovePodSandbox(context, engine::Cancellation(), remove);
    if (!removed.ok()) {
      base::journal::Warning("A pod that could not be restored was not cleaned up",
                             {{"POD_ID", pod->pod_sandbox_id()}, {"ERROR", removed.status()}});
    }
    co_return restored;
  }
  co_return response;
}

}  // namespace rktlet::cri
