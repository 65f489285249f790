// SPDX-License-Identifier: Apache-2.0
// ContainerLifecycle: other limits for a container.
#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/pods/container_lifecycle.h"
#include "spec/layout.h"
#include "unit/update_container.h"

namespace rktlet::pods {
namespace {

// Whether its end is on disk. The watcher's word of it may still be on its way: a lower limit can be what ended it.
bool HasEnded(const spec::Layout& layout, const Container& container) {
  const absl::StatusOr<spec::ContainerState> state = spec::ReadContainer(layout, container.pod, container.app());
  return state.ok() && state->exit.has_value();
}

}  // namespace

Awaitable<absl::Status> ContainerLifecycle::Update(ContainerPtr container, spec::Resources update) {
  const auto operation = Launch(env_.executor, DoUpdate(container, std::move(update)));
  co_return co_await Join(operation);
}

Awaitable<absl::Status> ContainerLifecycle::DoUpdate(ContainerPtr container, spec::Resources update) {
  const PodPtr pod = env_.store.Find(container->pod);
  if (pod == nullptr) {
    co_return absl::NotFoundError("the container's pod has been removed");
  }
  const Queue::Turn pod_turn = co_await pod->queue.Shared();
  const Queue::Turn turn = co_await container->queue.Exclusive();
  const absl::Status status = co_await UpdateInTurn(pod, container, std::move(update));
  co_return base::Annotate(status, base::StrCat("update ", Describe(*pod, *container)));
}

Awaitable<absl::Status> ContainerLifecycle::UpdateInTurn(PodPtr pod, ContainerPtr container, spec::Resources update) {
  if (container->removed) {
    co_return absl::NotFoundError("it has been removed");
  }
  if (container->State() == ContainerState::kExited) {
    co_return absl::OkStatus();  // nothing is left to be limited; a caller cannot know that it has just ended
  }
  const bool running = container->State() == ContainerState::kRunning;
  const spec::Resources before = container->record.spec.resources;
  const spec::Resources after = spec::Merge(before, update);
  if (running) {
    CO_RETURN_IF_ERROR(unit::CheckUpdate(before, after, env_.cgroups));
    const absl::Status applied =
        co_await unit::ApplyResources(env_.manager, env_.cgroups, pod->record, container->record, before, after);
    if (!applied.ok()) {
      co_return HasEnded(env_.layout(), *container) ? absl::OkStatus() : applied;
    }
  } else {
    CO_RETURN_IF_ERROR(unit::CheckResources(after, env_.cgroups));
  }
  const spec::AppName app = container->app();
  const absl::StatusOr<spec::ContainerRecord> record = co_await env_.engine.UpdateContainer(pod->id(), app, after);
  if (!record.ok()) {
    if (running && HasEnded(env_.layout(), *container)) {
      co_return absl::OkStatus();
    }
    if (running) {
      const absl::Status undone =
          co_await unit::ApplyResources(env_.manager, env_.cgroups, pod->record, container->record, after, before);
      if (!undone.ok()) {
        base::journal::Error("The limits of a container differ from its record",
                             {{"CONTAINER_ID", container->id().str()}, {"ERROR", undone}});
      }
    }
    co_return record.status();
  }
  container->record.spec.resources = record->spec.resources;
  co_return absl::OkStatus();
}

}  // namespace rktlet::pods
