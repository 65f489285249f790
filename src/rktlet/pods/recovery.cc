// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/recovery.h"

#include <csignal>
#include <utility>

#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "unit/start_container.h"

namespace rktlet::pods {
namespace {

constexpr std::chrono::milliseconds kKnownExits = std::chrono::seconds(10);

bool IsActive(const systemd::UnitSummary* unit) {
  return unit != nullptr && (unit->active_state == "active" || unit->active_state == "activating" ||
                             unit->active_state == "deactivating" || unit->active_state == "reloading");
}

const systemd::UnitSummary* Find(const std::map<std::string, systemd::UnitSummary>& units, const std::string& name) {
  const auto it = units.find(name);
  return it == units.end() ? nullptr : &it->second;
}

}  // namespace

Awaitable<absl::Status> Recovery::Run(Occasion occasion) {
  occasion_ = occasion;
  found_.clear();
  discarded_.clear();
  awaited_.clear();
  const absl::StatusOr<Units> units = co_await LoadedUnits();
  if (!units.ok()) {
    co_return base::Annotate(units.status(), "read systemd's units");
  }
  const absl::StatusOr<std::vector<spec::PodId>> ids = spec::ListPods(env_.layout());
  if (!ids.ok()) {
    co_return base::Annotate(ids.status(), "read the directory of pods");
  }
  for (const spec::PodId& id : *ids) {
    if (!env_.store.IsBusy(id.str())) {
      co_await TakePod(id, *units);
    }
    // Other work has its turn between two pods.
    co_await boost::asio::post(env_.executor, boost::asio::use_awaitable);
  }
  ForgetPods();
  if (occasion_ == Occasion::kStart) {
    ReportStrangers(*units);  // later the list may be older than what our own calls have done
  }
  problems_ = std::move(found_);
  const SteadyTime deadline = std::chrono::steady_clock::now() + kKnownExits;
  for (const ContainerPtr& container : std::exchange(awaited_, {})) {
    co_await container->exited.WaitUntil(deadline);
  }
  env_.events.Reconcile(env_.store);
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<Recovery::Units>> Recovery::LoadedUnits() {
  std::vector<std::string> patterns;
  patterns.emplace_back("k8s-*.service");
  const absl::StatusOr<std::vector<systemd::UnitSummary>> listed = co_await env_.manager.ListUnits(patterns);
  if (!listed.ok()) {
    co_return listed.status();
  }
  Units units;
  for (const systemd::UnitSummary& unit : *listed) {
    if (unit.load_state != "not-found") {
      units.emplace(unit.name.str(), unit);
    }
  }
  co_return units;
}

void Recovery::Report(const std::string& what, const absl::Status& status) {
  const std::string problem = base::StrCat(what, ": ", std::string(status.message()));
  base::journal::Error("A record on disk cannot be used", {{"WHAT", what}, {"ERROR", status}});
  found_.push_back(problem);
}

// Units in our name that no directory explains. Somebody may need them; they are not ours to kill.
void Recovery::ReportStrangers(const Units& units) {
  std::set<std::string> known = discarded_;
  for (const auto& [id, pod] : env_.store.pods()) {
    known.insert(pod->unit.str());
  }
  for (const auto& [id, container] : env_.store.containers()) {
    known.insert(container->unit.str());
  }
  for (const auto& [name, unit] : units) {
    if (IsActive(&unit) && !known.contains(name)) {
      found_.push_back(base::StrCat("unit ", name, " runs, but no pod or container is known that it belongs to"));
      base::journal::Warning("A unit runs that belongs to no known pod", {{"UNIT", name}});
    }
  }
}

bool Recovery::NeverFinished(const spec::PodState& state, bool has_containers, const systemd::UnitSummary* unit) const {
  if (state.stopped || has_containers || state.record.boot_id != env_.boot_id) {
    return false;
  }
  if (!IsActive(unit)) {
    return unit == nullptr && !state.exit.has_value();
  }
  const bool needs_network = state.record.spec.network != spec::NamespaceMode::kNode;
  const bool has_network = state.network.has_value() && state.network->state == "up";
  return unit->active_state != "active" || (needs_network && !has_network);
}

Awaitable<void> Recovery::TakePod(spec::PodId id, const Units& units) {
  if (const PodPtr known = env_.store.Find(id); known != nullptr) {
    co_await RefreshPod(known, units);
    co_return;
  }
  absl::StatusOr<spec::PodState> state = spec::ReadPod(env_.layout(), id);
  if (!state.ok()) {
    Report(base::StrCat("pod ", id.str()), state.status());
    co_return;
  }
  if (!state->record.spec.managed) {
    co_return;
  }
  const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(state->record.unit);
  if (!unit.ok()) {
    Report(base::StrCat("pod ", id.str()), unit.status());
    co_return;
  }
  const systemd::UnitSummary* summary = Find(units, unit->str());
  const absl::StatusOr<std::vector<spec::AppName>> apps = spec::ListApps(env_.layout(), id);
  if (NeverFinished(*state, apps.ok() && !apps->empty(), summary)) {
    if (occasion_ == Occasion::kChange) {
      co_return;
    }
    const spec::PodRecord record = state->record;
    const Busy busy(env_.store, id.str());
    const absl::Status discarded = co_await pods_.Discard(record);
    if (discarded.ok()) {
      base::journal::Notice("A pod whose start was interrupted has been removed", {{"POD_ID", id.str()}});
      discarded_.insert(record.unit);
      co_return;
    }
    Report(base::StrCat("pod ", id.str(), ", whose start was interrupted, cannot be removed"), discarded);
  }
  AdoptPod(*std::move(state), summary);
  const PodPtr pod = env_.store.Find(id);
  co_await TakeContainers(pod, units);
  if (occasion_ == Occasion::kStart && pod->stopped && IsActive(summary)) {
    // A stop that was interrupted goes on.
    Launch(env_.executor, pods_.Stop(pod));
  }
}

void Recovery::AdoptPod(spec::PodState state, const systemd::UnitSummary* unit) {
  const absl::StatusOr<systemd::UnitName> name = systemd::UnitName::Parse(state.record.unit);
  const auto pod = std::make_shared<Pod>(env_.executor, std::move(state.record), *name);
  pod->network = std::move(state.network);
  pod->stopped = state.stopped;
  if (pod->record.boot_id != env_.boot_id) {
    pod->ended = "the node was restarted";
    if (pod->network.has_value() && pod->network->state != "none") {
      pod->network->state = "lost";  // its namespace is gone; stopping the pod still tells the plugins
    }
  } else if (!IsActive(unit)) {
    pod->ended = state.exit.has_value() && !state.exit->message.empty() ? state.exit->message : "its supervisor ended";
  }
  const bool network_gone = pod->HostNetwork() || !pod->network.has_value() || pod->network->state == "down";
  pod->torn_down = pod->stopped && unit == nullptr && network_gone;
  env_.store.Add(pod);
  env_.events.Recall(*pod);
  if (pod->ended.empty()) {
    pods_.Follow(pod, systemd::UnitWatcher::Expect::kExisting);
  }
}

// A pod that is known already, changed by somebody else.
Awaitable<void> Recovery::RefreshPod(PodPtr pod, const Units& units) {
  absl::StatusOr<spec::PodState> state = spec::ReadPod(env_.layout(), pod->id());
  if (!state.ok()) {
    if (!absl::IsNotFound(state.status())) {
      Report(base::StrCat("pod ", pod->id().str()), state.status());
    }
    co_return;
  }
  pod->stopped = pod->stopped || state->stopped;
  pod->record.spec.overhead = state->record.spec.overhead;
  pod->record.spec.resources = state->record.spec.resources;
  if (state->network.has_value() && pod->record.boot_id == env_.boot_id) {
    pod->network = std::move(state->network);
  }
  co_await TakeContainers(pod, units);
}

Awaitable<void> Recovery::TakeContainers(PodPtr pod, const Units& units) {
  const absl::StatusOr<std::vector<spec::AppName>> apps = spec::ListApps(env_.layout(), pod->id());
  if (!apps.ok()) {
    Report(base::StrCat("containers of pod ", pod->id().str()), apps.status());
    co_return;
  }
  for (const spec::AppName& app : *apps) {
    if (!pod->removed && !env_.store.IsBusy(app.str())) {
      co_await TakeContainer(pod, app, units);
    }
  }
  ForgetContainers(pod);
}

Awaitable<void> Recovery::TakeContainer(PodPtr pod, spec::AppName app, const Units& units) {
  ContainerPtr known;
  bool first = false;
  for (const auto& [id, container] : pod->containers) {
    if (container->app() == app) {
      known = container;
    }
  }
  if (known != nullptr && (known->exit.has_value() || known->starting || known->recording)) {
    co_return;
  }
  absl::StatusOr<spec::ContainerState> state = spec::ReadContainer(env_.layout(), pod->id(), app);
  if (!state.ok()) {
    if (base::Exists(env_.layout().App(pod->id(), app))) {
      Report(base::StrCat("container ", app.str(), " of pod ", pod->id().str()), state.status());
    }
    co_return;
  }
  const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(state->record.unit);
  if (!unit.ok()) {
    Report(base::StrCat("container ", app.str(), " of pod ", pod->id().str()), unit.status());
    co_return;
  }
  if (known == nullptr) {
    known = std::make_shared<Container>(env_.executor, pod->id(), std::move(state->record), *unit);
    env_.store.Add(known);
    first = true;
  } else {
    known->record.spec.resources = state->record.spec.resources;  // `rkt app update` by hand
    if (known->started.has_value() == state->started.has_value() && !state->exit.has_value()) {
      co_return;  // nothing else is new
    }
  }
  known->started = std::move(state->started);
  if (first) {
    env_.events.Recall(*known, state->exit.has_value());
  }
  if (state->exit.has_value()) {
    exits_.Adopt(known, *state->exit);
    co_return;
  }
  co_await Decide(known, std::move(state->start_error), Find(units, unit->str()));
}

Awaitable<void> Recovery::Decide(ContainerPtr container, std::string start_error, const systemd::UnitSummary* unit) {
  if (container->started.has_value()) {
    bool gone = unit == nullptr;
    if (gone && occasion_ == Occasion::kChange) {
      // The list of units may be older than the start.
      const systemd::UnitName name = container->unit;
      const auto facts = co_await env_.manager.GetUnit(name);
      gone = absl::IsNotFound(facts.status());
    }
    if (gone) {
      const spec::ExitRecord unknown = exits_.Unknown(*container, "its unit is gone");
      co_await exits_.Conclude(container, unknown);
      co_return;
    }
    container->pid = container->started->pid;
    exits_.Follow(container, systemd::UnitWatcher::Expect::kExisting);
    if (unit != nullptr && (!IsActive(unit) || unit->sub_state == "exited")) {
      awaited_.push_back(container);
    }
    co_return;
  }
  if (unit != nullptr) {
    if (occasion_ == Occasion::kStart) {
      co_await EndUnstarted(container);
    }
  } else if (!start_error.empty()) {
    spec::ExitRecord exit;
    exit.code = unit::StartFailureCode(start_error);
    exit.finished_at = env_.clock.RealtimeNanos();
    exit.reason = "StartError";
    exit.message = start_error;
    exit.recorded_by = "recovery";
    co_await exits_.Conclude(container, exit);
  }
}

Awaitable<void> Recovery::EndUnstarted(ContainerPtr container) {
  const systemd::UnitName unit = container->unit;
  std::string text = unit::StartFailureText(env_.layout(), container->pod, container->app());
  if (text.empty()) {
    text = "the start was interrupted";
  }
  const absl::Status killed = co_await env_.manager.KillUnit(unit, systemd::KillWho::kAll, SIGKILL);
  spec::ExitRecord exit;
  exit.code = unit::StartFailureCode(text);
  exit.finished_at = env_.clock.RealtimeNanos();
  exit.reason = "StartError";
  exit.message = text;
  exit.recorded_by = "recovery";
  co_await exits_.Conclude(container, exit);
  const absl::Status stopped = co_await env_.manager.StopUnit(unit, env_.patience.unit_stop);
  const absl::Status reset = co_await env_.manager.ResetFailedUnit(unit);
  if (!stopped.ok() || !reset.ok()) {
    base::journal::Warning("The unit of an interrupted start could not be stopped",
                           {{"UNIT", unit.str()}, {"ERROR", stopped.ok() ? reset : stopped}});
  }
}

// By the directory as it is now: what is made while a run is under way is not in the run's list.
void Recovery::ForgetPods() {
  std::vector<PodPtr> gone;
  for (const auto& [id, pod] : env_.store.pods()) {
    if (!env_.store.IsBusy(id.str()) && !base::Exists(env_.layout().Pod(id))) {
      gone.push_back(pod);
    }
  }
  for (const PodPtr& pod : gone) {
    const auto containers = std::exchange(pod->containers, {});
    for (const auto& [id, container] : containers) {
      env_.watcher.Unfollow(container->unit);
      env_.store.Remove(id);
      env_.events.Deleted(pod, id);
    }
    env_.watcher.Unfollow(pod->unit);
    env_.store.Remove(pod->id());
    env_.events.Deleted(pod);
  }
}

void Recovery::ForgetContainers(const PodPtr& pod) {
  std::vector<ContainerPtr> gone;
  for (const auto& [id, container] : pod->containers) {
    if (!env_.store.IsBusy(id.str()) && !base::Exists(env_.layout().App(pod->id(), container->app()))) {
      gone.push_back(container);
    }
  }
  for (const ContainerPtr& container : gone) {
    env_.watcher.Unfollow(container->unit);
    env_.store.Remove(container->id());
    env_.events.Deleted(pod, container->id());
  }
}

}  // namespace rktlet::pods
