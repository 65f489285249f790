// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/pod_lifecycle.h"

#include <utility>
#include <vector>

#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/pods/slices.h"
#include "unit/pod_unit.h"
#include "unit/unit_names.h"

namespace rktlet::pods {
namespace {

using systemd::UnitEvent;

// What a stop waits for its turn before it kills what runs.
constexpr std::chrono::milliseconds kLeastPatience(2000);

// Whether both ask for the same pod; each request has an id of its own.
bool SameRequest(spec::PodSpec a, const spec::PodSpec& b) {
  a.id = b.id;
  return a == b;
}

// A pod that is being started holds its slice as one in the store does.
class SliceInUse {
 public:
  SliceInUse(std::shared_ptr<std::multiset<std::string>> slices, const std::string& slice)
      : slices_(std::move(slices)), place_(slices_->insert(slice)) {}
  SliceInUse(const SliceInUse&) = delete;
  SliceInUse& operator=(const SliceInUse&) = delete;
  ~SliceInUse() { Release(); }
  void Release() {
    if (std::exchange(held_, false)) {
      slices_->erase(place_);
    }
  }

 private:
  std::shared_ptr<std::multiset<std::string>> slices_;
  std::multiset<std::string>::iterator place_;
  bool held_ = true;
};

}  // namespace

Awaitable<absl::StatusOr<spec::PodId>> PodLifecycle::Run(spec::PodSpec spec) {
  const Key key = KeyOf(spec);
  std::shared_ptr<RunOperation> operation;
  if (const auto under_way = running_.find(key); under_way != running_.end()) {
    operation = under_way->second;
  } else {
    operation = Launch(env_.executor, DoRun(std::move(spec), key));
    running_[key] = operation;
  }
  co_return co_await Join(operation);
}

Awaitable<absl::StatusOr<spec::PodId>> PodLifecycle::DoRun(spec::PodSpec spec, Key key) {
  absl::StatusOr<spec::PodId> result = absl::UnknownError("");
  const std::string what = base::StrCat("run ", Describe(spec));
  if (const PodPtr same = env_.store.FindSame(spec); same != nullptr) {
    if (same->State() == PodState::kReady && SameRequest(same->record.spec, spec)) {
      result = same->id();
    } else {
      result = absl::AlreadyExistsError(
          base::StrCat(Describe(*same), ", attempt ", spec.attempt, ", exists already as ", same->id().str()));
    }
  } else {
    result = co_await MakePod(std::move(spec));
    if (!result.ok()) {
      result = base::Annotate(result.status(), what);
    }
  }
  running_.erase(key);
  co_return result;
}

Awaitable<absl::StatusOr<spec::PodId>> PodLifecycle::MakePod(spec::PodSpec spec) {
  const spec::PodId id = spec.id;
  const Busy busy(env_.store, id.str());
  SliceInUse slice_in_use(slices_of_starting_, unit::PodSlice(spec));
  const auto start =
      std::make_shared<PodStarts::Entry>(starts_, id.str(), base::StrCat(spec.namespace_, "/", spec.name));
  start->Begin("prepare");
  absl::StatusOr<spec::PodRecord> prepared = co_await env_.engine.PreparePod(std::move(spec));
  start->End("prepare");
  if (!prepared.ok()) {
    const absl::Status removed = co_await env_.engine.RemovePod(id);
    if (!removed.ok()) {
      base::journal::Warning("A pod that could not be prepared was not cleaned up",
                             {{"POD_ID", id.str()}, {"ERROR", removed}});
    }
    co_return prepared.status();
  }
  const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(prepared->unit);
  if (!unit.ok()) {
    co_return base::Annotate(unit.status(), "the engine's record of a new pod");
  }
  const auto pod = std::make_shared<Pod>(env_.executor, *std::move(prepared), *unit);
  Follow(pod, systemd::UnitWatcher::Expect::kNew);
  const auto unit_start = Launch(env_.executor, StartUnit(pod->record, start));
  const auto network_start = Launch(env_.executor, StartNetwork(pod->record, start));
  const absl::Status unit_started = co_await Join(unit_start);
  absl::StatusOr<spec::NetworkRecord> network = co_await Join(network_start);
  absl::Status failure = !unit_started.ok() ? unit_started : network.status();
  if (failure.ok() && !pod->ended.empty()) {
    failure = absl::InternalError(base::StrCat("its supervisor ended at once: ", pod->ended));
  }
  if (failure.ok()) {
    pod->network = *std::move(network);
    env_.store.Add(pod);
    env_.events.Update(pod);
    base::journal::Info("Pod started",
                        {{"POD_ID", id.str()}, {"WHAT", base::StrCat(start->Now().pod, ": ", start->Now().InWords())}});
    co_return id;
  }
  env_.watcher.Unfollow(pod->unit);
  const spec::PodRecord record = pod->record;
  slice_in_use.Release();
  const absl::Status discarded = co_await Discard(record);
  if (!discarded.ok()) {
    // It is shown as not ready, so that its owner stops and removes it.
    base::journal::Error("A pod that could not be started was not cleaned up",
                         {{"POD_ID", id.str()}, {"ERROR", discarded}});
    pod->ended = std::string(failure.message());
    env_.store.Add(pod);
    env_.events.Update(pod);
  }
  co_return failure;
}

Awaitable<absl::Status> PodLifecycle::StartUnit(spec::PodRecord record, std::shared_ptr<PodStarts::Entry> start) {
  const unit::UnitOptions options = env_.unit_options();
  absl::StatusOr<systemd::TransientUnit> unit = unit::BuildPodUnit(record, env_.programs, options);
  if (!unit.ok()) {
    co_return unit.status();
  }
  start->Begin("unit");
  const absl::Status started = co_await env_.manager.StartTransientUnit(*std::move(unit), env_.start_timeout());
  start->End("unit");
  if (started.ok()) {
    co_return started;
  }
  // The unit's own words, when it left some, say more than systemd's result.
  const absl::StatusOr<std::string> text =
      base::ReadFile(env_.layout().PodFile(record.spec.id, spec::kStartErrorFile), size_t{64} << 10);
  if (text.ok() && !text->empty()) {
    co_return absl::Status(started.code(), base::StrCat(*text, " (", std::string(started.message()), ")"));
  }
  co_return started;
}

Awaitable<absl::StatusOr<spec::NetworkRecord>> PodLifecycle::StartNetwork(spec::PodRecord record,
                                                                          std::shared_ptr<PodStarts::Entry> start) {
  if (record.spec.network == spec::NamespaceMode::kNode) {
    spec::NetworkRecord none;
    none.state = "none";
    co_return none;
  }
  const spec::PodId id = record.spec.id;
  start->Begin("network");
  absl::StatusOr<spec::NetworkRecord> network = co_await env_.engine.NetworkUp(id);
  start->End("network");
  co_return network;
}

Awaitable<absl::Status> PodLifecycle::Discard(spec::PodRecord record) {
  const spec::PodId id = record.spec.id;
  absl::Status failure;
  if (const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(record.unit); unit.ok()) {
    const systemd::UnitName name = *unit;
    const absl::Status stopped = co_await env_.manager.StopUnit(name, env_.patience.unit_stop);
    failure.Update(stopped);
    const absl::Status reset = co_await env_.manager.ResetFailedUnit(name);
    failure.Update(reset);
  }
  if (record.spec.network != spec::NamespaceMode::kNode) {
    const absl::Status down = co_await env_.engine.NetworkDown(id);
    failure.Update(down);
  }
  CO_RETURN_IF_ERROR(failure);
  const absl::Status removed = co_await env_.engine.RemovePod(id);
  CO_RETURN_IF_ERROR(removed);
  const std::string slice = unit::PodSlice(record.spec);
  co_await RemoveImplicitSlices(slice);
  co_return absl::OkStatus();
}

void PodLifecycle::Follow(const PodPtr& pod, systemd::UnitWatcher::Expect expect) {
  env_.watcher.Follow(
      pod->unit, [this, pod](const UnitEvent& event) { OnEvent(pod, event); }, expect);
}

void PodLifecycle::OnEvent(const PodPtr& pod, const UnitEvent& event) {
  if (event.kind == UnitEvent::Kind::kStarted) {
    pod->supervisor_pid = event.main_pid;
    return;
  }
  if (!pod->ended.empty()) {
    return;
  }
  pod->supervisor_pid = 0;
  pod->ended = event.reason.empty() ? "its supervisor ended" : event.reason;
  if (env_.store.Find(pod->id()) != nullptr) {
    env_.events.Update(pod);
  }
  if (pod->stopped || pod->stop_operation != nullptr || env_.store.Find(pod->id()) == nullptr) {
    return;  // by whoever stops it or has just started it
  }
  base::journal::Warning("A pod ended by itself",
                         {{"POD_ID", pod->id().str()}, {"UNIT", pod->unit.str()}, {"REASON", pod->ended}});
  boost::asio::co_spawn(env_.executor, AfterDeath(pod), [](std::exception_ptr exception) {
    if (exception != nullptr) {
      base::journal::Error("The clean-up after a pod's end failed with an exception");
    }
  });
}

// Its containers end by BindsTo= and are recorded one by one as usual. The network goes here, in our own cgroup; the
// unit's ExecStopPost= does the same when we are not there.
Awaitable<void> PodLifecycle::AfterDeath(PodPtr pod) {
  if (pod->HostNetwork()) {
    co_return;
  }
  const Queue::Turn turn = co_await pod->queue.Exclusive();
  if (pod->removed || pod->torn_down) {
    co_return;
  }
  const spec::PodId id = pod->id();
  const absl::Status down = co_await env_.engine.NetworkDown(id);
  if (!down.ok()) {
    base::journal::Error("The network of an ended pod could not be taken down; stopping the pod tries again",
                         {{"POD_ID", id.str()}, {"ERROR", down}});
    co_return;
  }
  if (pod->network.has_value()) {
    pod->network->state = "down";
  }
}

Awaitable<absl::Status> PodLifecycle::Update(PodPtr pod, spec::PodResources update) {
  const auto operation = Launch(env_.executor, DoUpdate(pod, std::move(update)));
  co_return co_await Join(operation);
}

Awaitable<absl::Status> PodLifecycle::DoUpdate(PodPtr pod, spec::PodResources update) {
  const Queue::Turn turn = co_await pod->queue.Exclusive();
  if (pod->removed) {
    co_return absl::NotFoundError(base::StrCat(Describe(*pod), " has been removed"));
  }
  if (pod->State() != PodState::kReady) {
    co_return absl::FailedPreconditionError(
        base::StrCat(Describe(*pod), " is not ready: ", pod->stopped ? "it was stopped" : pod->ended));
  }
  const absl::StatusOr<spec::PodRecord> record = co_await env_.engine.UpdatePod(pod->id(), update);
  CO_RETURN_IF_ERROR(base::Annotate(record.status(), base::StrCat("update ", Describe(*pod))));
  pod->record.spec.overhead = record->spec.overhead;
  pod->record.spec.resources = record->spec.resources;
  co_return absl::OkStatus();
}

Awaitable<absl::Status> PodLifecycle::Stop(PodPtr pod) {
  if (pod->stop_operation == nullptr) {
    pod->stop_operation = Launch(env_.executor, DoStop(pod));
  }
  const std::shared_ptr<Operation<absl::Status>> operation = pod->stop_operation;
  co_return co_await Join(operation);
}

Awaitable<absl::Status> PodLifecycle::DoStop(PodPtr pod) {
  absl::Status result;
  {
    std::optional<Queue::Turn> turn =
        co_await pod->queue.ExclusiveUntil(std::chrono::steady_clock::now() + kLeastPatience);
    if (!turn.has_value()) {
      // A checkpoint may take longer than anybody wants to wait, and ends with its containers.
      const absl::Status killed = co_await StopContainers(pod);
      killed.IgnoreError();  // they are stopped once more below
      turn = co_await pod->queue.Exclusive();
    }
    if (!pod->removed) {
      result = co_await StopInTurn(pod);
    }
  }
  pod->stop_operation = nullptr;
  co_return base::Annotate(result, base::StrCat("stop ", Describe(*pod)));
}

Awaitable<absl::Status> PodLifecycle::StopInTurn(PodPtr pod) {
  if (pod->torn_down) {
    co_return absl::OkStatus();
  }
  if (!pod->stopped) {
    const absl::Status noted = base::WriteFileAtomic(env_.layout().PodFile(pod->id(), spec::kStoppedFile), "");
    if (!noted.ok() && !absl::IsNotFound(noted)) {
      // A disk that is full or broken is no reason to let it run; after a restart its unit is gone, which says the
      // same.
      base::journal::Error("That a pod is to stop could not be recorded on disk",
                           {{"POD_ID", pod->id().str()}, {"ERROR", noted}});
    }
    pod->stopped = true;
  }
  const absl::Status containers_stopped = co_await StopContainers(pod);
  CO_RETURN_IF_ERROR(containers_stopped);
  // Before the unit: its ExecStopPost= then finds nothing to do, which in a slice with a small quota would be slow.
  absl::Status network_down;
  if (!pod->HostNetwork()) {
    const spec::PodId id = pod->id();
    network_down = co_await env_.engine.NetworkDown(id);
  }
  const systemd::UnitName unit = pod->unit;
  const absl::Status unit_stopped = co_await env_.manager.StopUnit(unit, env_.patience.unit_stop);
  CO_RETURN_IF_ERROR(unit_stopped);
  const absl::Status reset = co_await env_.manager.ResetFailedUnit(unit);
  CO_RETURN_IF_ERROR(reset);
  if (pod->ended.empty()) {
    pod->ended = "it was stopped";
  }
  pod->supervisor_pid = 0;
  env_.events.Update(pod);
  CO_RETURN_IF_ERROR(network_down);
  if (pod->network.has_value() && pod->network->state != "none") {
    pod->network->state = "down";
  }
  pod->torn_down = true;
  env_.watcher.Unfollow(unit);
  co_return absl::OkStatus();
}

Awaitable<absl::Status> PodLifecycle::StopContainers(PodPtr pod) {
  std::vector<std::shared_ptr<Operation<absl::Status>>> operations;
  for (const auto& [id, container] : pod->containers) {
    if (container->State() == ContainerState::kRunning) {
      operations.push_back(Launch(env_.executor, containers_.Stop(container, std::chrono::milliseconds(0))));
    }
  }
  absl::Status failure;
  for (const auto& operation : operations) {
    const absl::Status stopped = co_await Join(operation);
    failure.Update(stopped);
  }
  co_return failure;
}

Awaitable<absl::Status> PodLifecycle::Remove(PodPtr pod) {
  if (pod->remove_operation == nullptr) {
    pod->remove_operation = Launch(env_.executor, DoRemove(pod));
  }
  const std::shared_ptr<Operation<absl::Status>> operation = pod->remove_operation;
  co_return co_await Join(operation);
}

Awaitable<absl::Status> PodLifecycle::DoRemove(PodPtr pod) {
  absl::Status result;
  {
    const Queue::Turn turn = co_await pod->queue.Exclusive();
    if (!pod->removed) {
      result = co_await RemoveInTurn(pod);
    }
  }
  pod->remove_operation = nullptr;
  co_return base::Annotate(result, base::StrCat("remove ", Describe(*pod)));
}

Awaitable<absl::Status> PodLifecycle::RemoveInTurn(PodPtr pod) {
  const spec::PodId id = pod->id();
  const Busy busy(env_.store, id.str());
  const absl::Status stopped = co_await StopInTurn(pod);
  CO_RETURN_IF_ERROR(stopped);
  std::vector<std::shared_ptr<Operation<absl::Status>>> operations;
  for (const auto& [container_id, container] : pod->containers) {
    operations.push_back(Launch(env_.executor, containers_.RemoveUnit(container)));
  }
  absl::Status failure;
  for (const auto& operation : operations) {
    const absl::Status removed = co_await Join(operation);
    failure.Update(removed);
  }
  CO_RETURN_IF_ERROR(failure);
  const absl::Status removed = co_await env_.engine.RemovePod(id);
  CO_RETURN_IF_ERROR(removed);
  const std::string slice = unit::PodSlice(pod->record.spec);
  env_.store.Remove(id);  // its containers too
  const auto containers = std::exchange(pod->containers, {});
  for (const auto& [container_id, container] : containers) {
    env_.events.Deleted(pod, container_id);
  }
  env_.events.Deleted(pod);
  co_await RemoveImplicitSlices(slice);
  co_return absl::OkStatus();
}

Awaitable<void> PodLifecycle::RemoveImplicitSlices(std::string slice) {
  std::vector<std::string> in_use;
  for (const auto& [id, pod] : env_.store.pods()) {
    in_use.push_back(unit::PodSlice(pod->record.spec));
  }
  for (const std::string& starting : *slices_of_starting_) {
    in_use.push_back(starting);
  }
  co_await StopImplicitSlices(env_.manager, slice, in_use, env_.patience.unit_stop);
}

}  // namespace rktlet::pods
