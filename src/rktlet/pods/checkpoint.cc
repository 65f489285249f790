// SPDX-License-Identifier: Apache-2.0
// ContainerLifecycle: checkpoints, of a container and of a pod. The work is the engine's.
#include <utility>

#include "base/strings.h"
#include "rktlet/pods/container_lifecycle.h"

namespace rktlet::pods {
namespace {

absl::Status CheckRuns(const Pod& pod, const Container& container) {
  if (container.removed) {
    return absl::NotFoundError(base::StrCat(Describe(pod, container), " has been removed"));
  }
  if (container.State() != ContainerState::kRunning) {
    return absl::FailedPreconditionError(
        base::StrCat(Describe(pod, container), " is not running: only a running container has a checkpoint"));
  }
  return absl::OkStatus();
}

}  // namespace

Awaitable<absl::Status> ContainerLifecycle::Checkpoint(ContainerPtr container, std::string output,
                                                       std::chrono::nanoseconds timeout) {
  const auto operation = Launch(env_.executor, DoCheckpoint(container, std::move(output), timeout));
  co_return co_await Join(operation);
}

Awaitable<absl::Status> ContainerLifecycle::DoCheckpoint(ContainerPtr container, std::string output,
                                                         std::chrono::nanoseconds timeout) {
  const PodPtr pod = env_.store.Find(container->pod);
  if (pod == nullptr) {
    co_return absl::NotFoundError("the container's pod has been removed");
  }
  const Queue::Turn pod_turn = co_await pod->queue.Shared();
  const Queue::Turn turn = co_await container->queue.Exclusive();
  CO_RETURN_IF_ERROR(CheckRuns(*pod, *container));
  engine::CheckpointRequest request;
  request.pod = pod->id();
  request.apps = {container->app()};
  request.output = std::move(output);
  request.timeout = timeout;
  const absl::Status status = co_await env_.engine.Checkpoint(std::move(request));
  co_return base::Annotate(status, base::StrCat("checkpoint of ", Describe(*pod, *container)));
}

Awaitable<absl::Status> ContainerLifecycle::CheckpointPod(PodPtr pod, std::vector<ContainerPtr> containers,
                                                          std::string output, std::chrono::nanoseconds timeout) {
  const auto operation = Launch(env_.executor, DoCheckpointPod(pod, std::move(containers), std::move(output), timeout));
  co_return co_await Join(operation);
}

Awaitable<absl::Status> ContainerLifecycle::DoCheckpointPod(PodPtr pod, std::vector<ContainerPtr> containers,
                                                            std::string output, std::chrono::nanoseconds timeout) {
  const Queue::Turn turn = co_await pod->queue.Exclusive();
  if (pod->removed) {
    co_return absl::NotFoundError(base::StrCat(Describe(*pod), " has been removed"));
  }
  if (containers.empty()) {
    for (const auto& [id, container] : env_.store.containers()) {
      if (container->pod == pod->id() && container->State() == ContainerState::kRunning) {
        containers.push_back(container);
      }
    }
    if (containers.empty()) {
      co_return absl::FailedPreconditionError(base::StrCat(Describe(*pod), " has no running container to save"));
    }
  }
  engine::CheckpointRequest request;
  for (const ContainerPtr& container : containers) {
    CO_RETURN_IF_ERROR(CheckRuns(*pod, *container));
    request.apps.push_back(container->app());
  }
  request.pod = pod->id();
  request.whole_pod = true;
  request.output = std::move(output);
  request.timeout = timeout;
  const absl::Status status = co_await env_.engine.Checkpoint(std::move(request));
  co_return base::Annotate(status, base::StrCat("checkpoint of ", Describe(*pod)));
}

}  // namespace rktlet::pods
