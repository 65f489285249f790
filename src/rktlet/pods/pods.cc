// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/pods.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/pods/container_lifecycle.h"
#include "rktlet/pods/environment.h"
#include "rktlet/pods/exits.h"
#include "rktlet/pods/pod_lifecycle.h"
#include "rktlet/pods/recovery.h"
#include "unit/update_container.h"

namespace rktlet::pods {
namespace {

constexpr std::chrono::milliseconds kRescanDelay{50};

std::string BootIdOrEmpty() {
  const absl::StatusOr<std::string> id = base::BootId();
  return id.ok() ? *id : "";
}

// Units are children of PID 1: what it may not do, they may not either (a box without CAP_SYS_RESOURCE).
bool MayLowerOomScore() {
  constexpr int kSysResource = 24;  // capability(7)
  const absl::StatusOr<std::string> status = base::ReadFile("/proc/1/status");
  const size_t at = status.ok() ? status->find("CapEff:\t") : std::string::npos;
  if (at == std::string::npos) {
    return true;
  }
  const uint64_t effective = std::strtoull(status->c_str() + at + 8, nullptr, 16);
  return ((effective >> kSysResource) & 1) != 0;
}

template <typename Ptr>
void NewestFirst(std::vector<Ptr>& list) {
  std::stable_sort(list.begin(), list.end(),
                   [](const Ptr& a, const Ptr& b) { return a->record.created_at > b->record.created_at; });
}

ContainerView ViewOf(const Pod* pod, const Container& container) {
  return {.pod = pod == nullptr ? nullptr : &pod->record,
          .container = &container.record,
          .running = container.State() == ContainerState::kRunning,
          .started_at = container.started.has_value() ? container.started->started_at : 0,
          .pid = container.pid};
}

PodView ViewOf(const Pod& pod) {
  PodView view{.pod = &pod.record,
               .ready = pod.State() == PodState::kReady,
               .supervisor_pid = pod.supervisor_pid,
               .default_interface = {},
               .containers = {}};
  if (!pod.HostNetwork() && pod.network.has_value() && !pod.network->attachments.empty()) {
    view.default_interface = pod.network->attachments.front().interface;
  }
  for (const auto& [id, container] : pod.containers) {
    view.containers.push_back(ViewOf(&pod, *container));
  }
  return view;
}

}  // namespace

struct Pods::Parts {
  Parts(boost::asio::any_io_executor executor, systemd::Manager& manager, engine::Engine& engine,
        const config::Config& config, unit::Programs programs, unit::Cgroups cgroups, base::Clock& clock,
        std::unique_ptr<Supervisors> its_supervisors, std::string boot_id)
      : watcher(executor, manager),
        supervisors(std::move(its_supervisors)),
        environment{executor,
                    manager,
                    watcher,
                    engine,
                    *supervisors,
                    config,
                    std::move(programs),
                    std::move(cgroups),
                    clock,
                    std::move(boot_id),
                    MayLowerOomScore(),
                    Patience(),
                    Store(),
                    Events(clock, environment.programs.layout)},
        exits(environment),
        containers(environment, exits),
        pods(environment, containers),
        recovery(environment, exits, pods),
        turns(executor) {}

  systemd::UnitWatcher watcher;
  std::unique_ptr<Supervisors> supervisors;
  Environment environment;
  Exits exits;
  ContainerLifecycle containers;
  PodLifecycle pods;
  Recovery recovery;
  Queue turns;  // of recovery
  bool recovered = false;
  bool rescan_planned = false;
};

Pods::Pods(boost::asio::io_context& loop, systemd::Manager& manager, engine::Engine& engine,
           const config::Config& config, unit::Programs programs, unit::Cgroups cgroups, base::Clock& clock)
    : Pods(loop, manager, engine, config, programs, cgroups, clock,
           std::make_unique<SocketSupervisors>(manager, programs, cgroups), BootIdOrEmpty()) {}

Pods::Pods(boost::asio::io_context& loop, systemd::Manager& manager, engine::Engine& engine,
           const config::Config& config, unit::Programs programs, unit::Cgroups cgroups, base::Clock& clock,
           std::unique_ptr<Supervisors> supervisors, std::string boot_id)
    : parts_(std::make_unique<Parts>(loop.get_executor(), manager, engine, config, std::move(programs),
                                     std::move(cgroups), clock, std::move(supervisors), std::move(boot_id))) {}

Pods::~Pods() = default;

Awaitable<absl::Status> Pods::Recover() {
  const Queue::Turn turn = co_await parts_->turns.Exclusive();
  const absl::Status status = co_await parts_->recovery.Run(Recovery::Occasion::kStart);
  if (status.ok()) {
    parts_->recovered = true;
    const Store& store = parts_->environment.store;
    base::journal::Info("Pods recovered", {{"PODS", static_cast<int64_t>(store.pods().size())},
                                           {"CONTAINERS", static_cast<int64_t>(store.containers().size())}});
  }
  co_return status;
}

void Pods::Rescan() {
  if (!parts_->recovered || std::exchange(parts_->rescan_planned, true)) {
    return;
  }
  boost::asio::co_spawn(parts_->environment.executor, RescanSoon(), [](std::exception_ptr exception) {
    if (exception != nullptr) {
      base::journal::Error("Looking again at the pods on disk failed with an exception");
    }
  });
}

Awaitable<void> Pods::RescanSoon() {
  boost::asio::steady_timer timer(parts_->environment.executor, kRescanDelay);
  boost::system::error_code error;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
  const Queue::Turn turn = co_await parts_->turns.Exclusive();
  parts_->rescan_planned = false;
  const absl::Status status = co_await parts_->recovery.Run(Recovery::Occasion::kChange);
  if (!status.ok()) {
    base::journal::Error("The pods on disk could not be looked at again", {{"ERROR", status}});
  }
}

std::vector<std::string> Pods::Problems() const { return parts_->recovery.problems(); }

std::vector<PodStart> Pods::Starts() const { return parts_->pods.starts().List(); }

bool Pods::IsStarting(const spec::PodSpec& pod) const { return parts_->pods.IsStarting(pod); }

bool Pods::AnyStarting() const {
  const auto& containers = parts_->environment.store.containers();
  return !Starts().empty() ||
         std::any_of(containers.begin(), containers.end(), [](const auto& entry) { return entry.second->starting; });
}

Awaitable<absl::StatusOr<spec::PodId>> Pods::RunPod(spec::PodSpec spec) {
  if (const absl::Status ready = Ready(); !ready.ok()) {
    co_return ready;
  }
  co_return co_await parts_->pods.Run(std::move(spec));
}

Awaitable<absl::Status> Pods::StopPod(PodPtr pod) { co_return co_await parts_->pods.Stop(std::move(pod)); }

Awaitable<absl::Status> Pods::RemovePod(PodPtr pod) { co_return co_await parts_->pods.Remove(std::move(pod)); }

Awaitable<absl::StatusOr<spec::ContainerId>> Pods::CreateContainer(PodPtr pod, spec::ContainerSpec spec) {
  CO_RETURN_IF_ERROR(
      base::Annotate(unit::CheckResources(spec.resources, parts_->environment.cgroups), "linux.resources"));
  co_return co_await parts_->containers.Create(std::move(pod), std::move(spec));
}

Awaitable<absl::Status> Pods::StartContainer(ContainerPtr container) {
  co_return co_await parts_->containers.Start(std::move(container));
}

Awaitable<absl::Status> Pods::StopContainer(ContainerPtr container, std::chrono::milliseconds grace) {
  co_return co_await parts_->containers.Stop(std::move(container), grace);
}

Awaitable<absl::Status> Pods::RemoveContainer(ContainerPtr container) {
  co_return co_await parts_->containers.Remove(std::move(container));
}

Awaitable<absl::Status> Pods::CheckpointContainer(ContainerPtr container, std::string output,
                                                  std::chrono::nanoseconds timeout) {
  co_return co_await parts_->containers.Checkpoint(std::move(container), std::move(output), timeout);
}

Awaitable<absl::Status> Pods::CheckpointPod(PodPtr pod, std::vector<ContainerPtr> containers, std::string output,
                                            std::chrono::nanoseconds timeout) {
  co_return co_await parts_->containers.CheckpointPod(std::move(pod), std::move(containers), std::move(output),
                                                      timeout);
}

Awaitable<absl::Status> Pods::UpdateContainer(ContainerPtr container, spec::Resources update) {
  co_return co_await parts_->containers.Update(std::move(container), std::move(update));
}

Awaitable<absl::Status> Pods::UpdatePod(PodPtr pod, spec::PodResources update) {
  co_return co_await parts_->pods.Update(std::move(pod), std::move(update));
}

Awaitable<absl::Status> Pods::ReopenLog(ContainerPtr container) {
  if (container->State() != ContainerState::kRunning) {
    co_return absl::FailedPreconditionError(base::StrCat("container ", container->id().str(), " is not running"));
  }
  if (container->record.log_path.empty()) {
    co_return absl::OkStatus();  // there is no log that could have been moved away
  }
  const spec::PodId pod = container->pod;
  const spec::AppName app = container->app();
  const absl::Status reopened = co_await parts_->environment.supervisors.ReopenLog(pod, app);
  co_return base::Annotate(reopened, base::StrCat("reopen the log of container ", container->id().str()));
}

absl::StatusOr<PodPtr> Pods::GetPod(const std::string& id) const { return parts_->environment.store.FindPod(id); }

absl::StatusOr<ContainerPtr> Pods::GetContainer(const std::string& id) const {
  return parts_->environment.store.FindContainer(id);
}

PodPtr Pods::PodOf(const Container& container) const { return parts_->environment.store.Find(container.pod); }

std::vector<PodPtr> Pods::ListPods() const {
  std::vector<PodPtr> list;
  for (const auto& [id, pod] : parts_->environment.store.pods()) {
    list.push_back(pod);
  }
  NewestFirst(list);
  return list;
}

std::vector<ContainerPtr> Pods::ListContainers() const {
  std::vector<ContainerPtr> list;
  for (const auto& [id, container] : parts_->environment.store.containers()) {
    list.push_back(container);
  }
  NewestFirst(list);
  return list;
}

Events& Pods::events() { return parts_->environment.events; }

int64_t Pods::Now() const { return parts_->environment.clock.RealtimeNanos(); }

absl::StatusOr<ContainerView> Pods::FindContainer(const std::string& id) const {
  ASSIGN_OR_RETURN(const ContainerPtr container, GetContainer(id));
  const PodPtr pod = PodOf(*container);
  return ViewOf(pod.get(), *container);
}

std::vector<ContainerView> Pods::AllContainers() const {
  std::vector<ContainerView> views;
  for (const auto& [id, container] : parts_->environment.store.containers()) {
    const PodPtr pod = PodOf(*container);
    views.push_back(ViewOf(pod.get(), *container));
  }
  return views;
}

absl::StatusOr<PodView> Pods::FindPod(const std::string& id) const {
  ASSIGN_OR_RETURN(const PodPtr pod, GetPod(id));
  return ViewOf(*pod);
}

std::vector<PodView> Pods::AllPods() const {
  std::vector<PodView> views;
  for (const auto& [id, pod] : parts_->environment.store.pods()) {
    views.push_back(ViewOf(*pod));
  }
  return views;
}

absl::Status Pods::Recovered() const {
  return parts_->recovered ? absl::OkStatus() : absl::UnavailableError("the pods on this node are still being read");
}

absl::Status Pods::Ready() const {
  RETURN_IF_ERROR(Recovered());
  return parts_->environment.manager.connection_status();
}

}  // namespace rktlet::pods
