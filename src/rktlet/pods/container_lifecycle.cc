// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/container_lifecycle.h"

#include <algorithm>
#include <csignal>
#include <optional>

#include "base/journal.h"
#include "base/strings.h"
#include "unit/start_container.h"

namespace rktlet::pods {
namespace {

// What a stop waits for its turn, at least.
constexpr std::chrono::milliseconds kLeastPatience(2000);

// Whether both ask for the same container; each request has an id of its own.
bool SameRequest(spec::ContainerSpec a, const spec::ContainerSpec& b) {
  a.id = b.id;
  a.app = b.app;
  return a == b;
}

absl::Status NotReady(const Pod& pod) {
  return absl::FailedPreconditionError(
      base::StrCat(Describe(pod), " is not ready: ", pod.stopped ? "it was stopped" : pod.ended));
}

std::string StateText(ContainerState state) {
  switch (state) {
    case ContainerState::kCreated:
      return "created";
    case ContainerState::kRunning:
      return "running";
    case ContainerState::kExited:
      return "exited";
  }
  return "unknown";
}

}  // namespace

Awaitable<absl::StatusOr<spec::ContainerId>> ContainerLifecycle::Create(PodPtr pod, spec::ContainerSpec spec) {
  const Key key(pod->id(), spec.name, spec.attempt);
  std::shared_ptr<CreateOperation> operation;
  if (const auto under_way = creating_.find(key); under_way != creating_.end()) {
    operation = under_way->second;
  } else {
    operation = Launch(env_.executor, DoCreate(pod, std::move(spec), key));
    creating_[key] = operation;
  }
  co_return co_await Join(operation);
}

Awaitable<absl::StatusOr<spec::ContainerId>> ContainerLifecycle::DoCreate(PodPtr pod, spec::ContainerSpec spec,
                                                                          Key key) {
  absl::StatusOr<spec::ContainerId> result = absl::UnknownError("");
  {
    const Queue::Turn turn = co_await pod->queue.Shared();
    if (const ContainerPtr same = Store::FindSame(*pod, spec); same != nullptr) {
      if (same->State() == ContainerState::kCreated && SameRequest(same->record.spec, spec)) {
        result = same->id();
      } else {
        result = absl::AlreadyExistsError(
            base::StrCat(Describe(*pod, *same), ", attempt ", spec.attempt, ", exists already as ", same->id().str()));
      }
    } else if (pod->removed) {
      result = absl::NotFoundError(base::StrCat(Describe(*pod), " has been removed"));
    } else if (pod->State() != PodState::kReady) {
      result = NotReady(*pod);
    } else {
      result = co_await AddToPod(pod, std::move(spec));
    }
  }
  creating_.erase(key);
  co_return result;
}

Awaitable<absl::StatusOr<spec::ContainerId>> ContainerLifecycle::AddToPod(PodPtr pod, spec::ContainerSpec spec) {
  const spec::PodId pod_id = pod->id();
  const spec::ContainerId id = spec.id;
  const spec::AppName app = spec.app;
  const Busy busy(env_.store, id.str());
  absl::StatusOr<spec::ContainerRecord> record = co_await env_.engine.AddContainer(pod_id, std::move(spec));
  if (!record.ok()) {
    // A command that failed or was killed may have left something; there is no container of that id for anybody.
    const absl::Status removed = co_await env_.engine.RemoveContainer(pod_id, app);
    if (!removed.ok()) {
      base::journal::Warning("A container that could not be created was not cleaned up",
                             {{"POD_ID", pod_id.str()}, {"CONTAINER_ID", id.str()}, {"ERROR", removed}});
    }
    co_return record.status();
  }
  absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(record->unit);
  if (!unit.ok()) {
    co_return base::Annotate(unit.status(), "the engine's record of a new container");
  }
  const auto container = std::make_shared<Container>(env_.executor, pod_id, *std::move(record), *std::move(unit));
  env_.store.Add(container);
  env_.events.Update(pod, *container);
  co_return id;
}

Awaitable<absl::Status> ContainerLifecycle::Start(ContainerPtr container) {
  if (container->start_operation == nullptr) {
    container->start_operation = Launch(env_.executor, DoStart(container));
  }
  const std::shared_ptr<Operation<absl::Status>> operation = container->start_operation;
  co_return co_await Join(operation);
}

Awaitable<absl::Status> ContainerLifecycle::DoStart(ContainerPtr container) {
  absl::Status result;
  if (const PodPtr pod = env_.store.Find(container->pod); pod == nullptr) {
    result = absl::NotFoundError("the container's pod has been removed");
  } else {
    const Queue::Turn pod_turn = co_await pod->queue.Shared();
    const Queue::Turn turn = co_await container->queue.Exclusive();
    result = co_await StartInTurn(pod, container);
  }
  container->start_operation = nullptr;
  co_return result;
}

Awaitable<absl::Status> ContainerLifecycle::StartInTurn(PodPtr pod, ContainerPtr container) {
  if (container->removed) {
    co_return absl::NotFoundError(base::StrCat(Describe(*pod, *container), " has been removed"));
  }
  if (container->State() != ContainerState::kCreated) {
    co_return absl::FailedPreconditionError(
        base::StrCat(Describe(*pod, *container), " is ", StateText(container->State()), ": it can be started once"));
  }
  if (pod->State() != PodState::kReady) {
    co_return NotReady(*pod);
  }
  exits_.Follow(container, systemd::UnitWatcher::Expect::kNew);
  container->starting = true;
  container->end_while_starting.reset();
  const spec::PodRecord pod_record = pod->record;
  const spec::ContainerRecord record = container->record;
  const unit::UnitOptions options = env_.unit_options();
  const absl::StatusOr<unit::StartResult> started =
      co_await env_.supervisors.Start(pod_record, record, options, env_.start_timeout());
  container->starting = false;
  if (absl::IsAlreadyExists(started.status())) {
    // Somebody starts it by hand right now: how that goes is seen when it is done.
    co_return absl::FailedPreconditionError(
        base::StrCat(Describe(*pod, *container), " is being started: ", std::string(started.status().message())));
  }
  if (!started.ok()) {
    env_.watcher.Unfollow(container->unit);
    spec::ExitRecord exit;
    exit.code = unit::StartFailureCode(std::string(started.status().message()));
    exit.finished_at = env_.clock.RealtimeNanos();
    exit.reason = "StartError";
    exit.message = std::string(started.status().message());
    exit.recorded_by = "watcher";
    co_await exits_.Conclude(container, exit);
    co_return base::Annotate(started.status(), base::StrCat("start ", Describe(*pod, *container)));
  }
  spec::StartedRecord record_of_start;
  record_of_start.started_at = started->started_at;
  record_of_start.boot_id = env_.boot_id;
  record_of_start.pid = container->pid;
  container->started = record_of_start;
  env_.events.Update(pod, *container);
  if (container->end_while_starting.has_value()) {
    const systemd::UnitEvent end = *container->end_while_starting;
    container->end_while_starting.reset();
    exits_.OnEvent(container, end);
  }
  co_return absl::OkStatus();
}

Awaitable<absl::Status> ContainerLifecycle::Stop(ContainerPtr container, std::chrono::milliseconds grace) {
  const auto operation = Launch(env_.executor, DoStop(container, grace));
  co_return co_await Join(operation);
}

Awaitable<absl::Status> ContainerLifecycle::DoStop(ContainerPtr container, std::chrono::milliseconds grace) {
  // Behind a start that is under way: before its end there is nothing to signal. What else is done with the container,
  // a checkpoint above all, is waited for as long as the container itself might be, and then it is killed.
  std::optional<Queue::Turn> turn;
  do {
    const std::chrono::milliseconds patience = std::max(grace, kLeastPatience);
    turn = co_await container->queue.ExclusiveUntil(std::chrono::steady_clock::now() + patience);
  } while (!turn.has_value() && container->starting);
  if (container->removed || container->State() != ContainerState::kRunning) {
    co_return absl::OkStatus();
  }
  if (turn.has_value() && grace.count() > 0) {
    // The grace period begins when the container knows. A repeated stop has one of its own.
    if (!container->stop_signalled) {
      const absl::StatusOr<int> signal = spec::SignalNumber(container->record.stop_signal);
      const int number = signal.ok() ? *signal : SIGTERM;
      const systemd::UnitName unit = container->unit;
      const absl::Status sent = co_await env_.manager.KillUnit(unit, systemd::KillWho::kMain, number);
      if (!sent.ok() && !absl::IsNotFound(sent)) {
        co_return base::Annotate(sent, base::StrCat("stop container ", container->id().str()));
      }
      container->stop_signalled = true;
    }
    turn.reset();
    const bool ended = co_await container->exited.WaitUntil(std::chrono::steady_clock::now() + grace);
    if (ended) {
      co_return absl::OkStatus();
    }
  }
  turn.reset();
  co_return co_await Kill(container);
}

Awaitable<absl::Status> ContainerLifecycle::Kill(ContainerPtr container) {
  const systemd::UnitName unit = container->unit;
  const absl::Status sent = co_await env_.manager.KillUnit(unit, systemd::KillWho::kAll, SIGKILL);
  if (!sent.ok() && !absl::IsNotFound(sent)) {
    co_return base::Annotate(sent, base::StrCat("kill container ", container->id().str()));
  }
  const bool ended =
      co_await container->exited.WaitUntil(std::chrono::steady_clock::now() + env_.patience.killed_process);
  if (ended || container->removed) {
    co_return absl::OkStatus();
  }
  if (absl::IsNotFound(sent)) {
    // systemd knows no process of it: the news of its end was lost.
    const spec::ExitRecord unknown = exits_.Unknown(*container, std::string(sent.message()));
    co_await exits_.Conclude(container, unknown);
    co_return absl::OkStatus();
  }
  co_return absl::DeadlineExceededError(base::StrCat("container ", container->id().str(), " (unit ", unit.str(),
                                                     ") has not ended ", env_.patience.killed_process.count() / 1000,
                                                     " s after SIGKILL"));
}

Awaitable<absl::Status> ContainerLifecycle::Remove(ContainerPtr container) {
  if (container->remove_operation == nullptr) {
    container->remove_operation = Launch(env_.executor, DoRemove(container));
  }
  const std::shared_ptr<Operation<absl::Status>> operation = container->remove_operation;
  co_return co_await Join(operation);
}

Awaitable<absl::Status> ContainerLifecycle::DoRemove(ContainerPtr container) {
  absl::Status result;
  if (const PodPtr pod = env_.store.Find(container->pod); pod != nullptr) {
    const Queue::Turn turn = co_await pod->queue.Shared();
    result = co_await RemoveInTurn(container);
  }
  container->remove_operation = nullptr;
  co_return result;
}

Awaitable<absl::Status> ContainerLifecycle::RemoveInTurn(ContainerPtr container) {
  const Queue::Turn turn = co_await container->queue.Exclusive();
  if (container->removed) {
    co_return absl::OkStatus();
  }
  const spec::PodId pod = container->pod;
  const spec::AppName app = container->app();
  const std::string what = base::StrCat("remove container ", container->id().str());
  const Busy busy(env_.store, container->id().str());
  const absl::Status ended = co_await RemoveUnitInTurn(container);
  CO_RETURN_IF_ERROR(ended);
  const absl::Status removed = co_await env_.engine.RemoveContainer(pod, app);
  CO_RETURN_IF_ERROR(base::Annotate(removed, what));
  env_.store.Remove(container->id());
  env_.events.Deleted(env_.store.Find(pod), container->id());
  co_return absl::OkStatus();
}

Awaitable<absl::Status> ContainerLifecycle::RemoveUnit(ContainerPtr container) {
  const Queue::Turn turn = co_await container->queue.Exclusive();
  if (container->removed) {
    co_return absl::OkStatus();
  }
  const absl::Status ended = co_await RemoveUnitInTurn(container);
  co_return ended;
}

Awaitable<absl::Status> ContainerLifecycle::RemoveUnitInTurn(ContainerPtr container) {
  if (container->State() == ContainerState::kRunning) {
    const absl::Status killed = co_await Kill(container);
    CO_RETURN_IF_ERROR(killed);
  }
  const systemd::UnitName unit = container->unit;
  const std::string what = base::StrCat("remove container ", container->id().str());
  if (container->exit.has_value() || container->started.has_value()) {
    // What was never started has no unit.
    env_.watcher.Unfollow(unit);
    const absl::Status stopped = co_await env_.manager.StopUnit(unit, env_.patience.unit_stop);
    CO_RETURN_IF_ERROR(base::Annotate(stopped, what));
    const absl::Status reset = co_await env_.manager.ResetFailedUnit(unit);
    CO_RETURN_IF_ERROR(base::Annotate(reset, what));
  }
  co_return absl::OkStatus();
}

}  // namespace rktlet::pods
