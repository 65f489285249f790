// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/exits.h"

#include <csignal>

#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "unit/start_container.h"
#include "unit/unit_names.h"

namespace rktlet::pods {
namespace {

using systemd::UnitEvent;

constexpr int kKilled = 128 + SIGKILL;
constexpr int kNeverStarted = 128;
constexpr int kUnknownCode = 255;  // what CRI's users read as "nobody knows"

spec::ExitRecord RecordOf(const UnitEvent& event, int64_t now) {
  spec::ExitRecord exit;
  exit.code = event.exit.ShellCode();
  exit.signal = event.exit.signal;
  exit.finished_at = event.exited_at_usec != 0 ? static_cast<int64_t>(event.exited_at_usec) * 1000 : now;
  exit.recorded_by = "watcher";
  if (event.core_dumped) {
    exit.message = "dumped core";
  }
  return exit;
}

}  // namespace

void Exits::Spawn(Awaitable<void> work) {
  boost::asio::co_spawn(env_.executor, std::move(work), [](std::exception_ptr exception) {
    if (exception != nullptr) {
      base::journal::Error("The record of a container's end failed with an exception");
    }
  });
}

void Exits::Follow(const ContainerPtr& container, systemd::UnitWatcher::Expect expect) {
  // The watcher forgets the callback at Unfollow, which every removal calls.
  env_.watcher.Follow(
      container->unit, [this, container](const UnitEvent& event) { OnEvent(container, event); }, expect);
}

void Exits::OnEvent(const ContainerPtr& container, const UnitEvent& event) {
  if (event.kind == UnitEvent::Kind::kStarted) {
    container->pid = event.main_pid;
    return;
  }
  if (container->removed || container->exit.has_value()) {
    return;
  }
  if (container->starting) {
    // Whether this is a failed start or the end of a container that has run is for the starter to say.
    container->end_while_starting = event;
    return;
  }
  Spawn(ConcludeExit(container, event));
}

Awaitable<void> Exits::ConcludeExit(ContainerPtr container, UnitEvent event) {
  if (event.kind == UnitEvent::Kind::kExited) {
    spec::ExitRecord exit = RecordOf(event, env_.clock.RealtimeNanos());
    if (!container->started.has_value()) {
      // Its gate was never opened, so what ended is not the container's command.
      exit.code = kNeverStarted;
      exit.signal = 0;
      exit.reason = "StartError";
      exit.message = base::StrCat("ended before it was started: ", event.reason);
    } else {
      exit.oom = co_await KilledByOom(container, exit, event.oom_kill);
    }
    co_await Conclude(container, exit);
    co_return;
  }
  if (container->started.has_value()) {
    const spec::ExitRecord unknown = Unknown(*container, event.reason);
    co_await Conclude(container, unknown);
  } else if (event.kind == UnitEvent::Kind::kFailed) {
    std::string text = unit::StartFailureText(env_.layout(), container->pod, container->app());
    if (text.empty()) {
      text = event.reason;
    }
    spec::ExitRecord exit;
    exit.code = unit::StartFailureCode(text);
    exit.finished_at = env_.clock.RealtimeNanos();
    exit.reason = "StartError";
    exit.message = text;
    exit.recorded_by = "watcher";
    co_await Conclude(container, exit);
  }
}

spec::ExitRecord Exits::Unknown(const Container& container, const std::string& cause) const {
  spec::ExitRecord exit;
  exit.code = kUnknownCode;
  exit.finished_at = env_.clock.RealtimeNanos();
  exit.reason = "Unknown";
  exit.recorded_by = "recovery";
  if (container.started.has_value() && container.started->boot_id != env_.boot_id) {
    exit.message = "the node was restarted while the container ran; how it ended is not known";
  } else {
    exit.message = base::StrCat("how the container ended is not known: ", cause);
  }
  return exit;
}

// Death by SIGKILL (or the code 137 of a shell that saw it) and an OOM kill in the container: only both together are an
// OOM kill of the container, because a kill in its slice is reported to every container in there.
Awaitable<bool> Exits::KilledByOom(ContainerPtr container, spec::ExitRecord exit, bool systemd_says_so) {
  if (systemd_says_so) {
    co_return true;
  }
  if (exit.signal != SIGKILL && exit.code != kKilled) {
    co_return false;
  }
  const spec::PodId pod = container->pod;
  const spec::AppName app = container->app();
  const absl::StatusOr<bool> seen = co_await env_.supervisors.OomSeen(pod, app);
  if (seen.ok()) {
    co_return *seen;
  }
  // The supervisor has ended, perhaps with its pod; it left a note if it saw one.
  co_return base::Exists(env_.layout().AppFile(pod, app, spec::kOomFile));
}

Awaitable<void> Exits::KillLeftovers(ContainerPtr container) {
  const PodPtr pod = env_.store.Find(container->pod);
  if (pod == nullptr) {
    co_return;
  }
  const std::string slice = unit::PodSlice(pod->record.spec);
  const std::string group = unit::Cgroups::ControlGroup(slice, container->unit.str());
  const absl::StatusOr<std::vector<int>> processes = env_.cgroups.Processes(group);
  if (!processes.ok() || processes->empty()) {
    co_return;
  }
  const systemd::UnitName unit = container->unit;
  const absl::Status killed = co_await env_.manager.KillUnit(unit, systemd::KillWho::kAll, SIGKILL);
  if (!killed.ok() && !absl::IsNotFound(killed)) {
    base::journal::Warning("What is left of an ended container could not be killed",
                           {{"CONTAINER_ID", container->id().str()}, {"UNIT", unit.str()}, {"ERROR", killed}});
  }
}

void Exits::Adopt(const ContainerPtr& container, spec::ExitRecord exit) {
  if (container->exit.has_value() || container->recording) {
    return;
  }
  container->pid = 0;
  container->exit = std::move(exit);
  container->exited.Set();
  env_.events.Update(env_.store.Find(container->pod), *container);
  Spawn(KillLeftovers(container));
}

Awaitable<void> Exits::Conclude(ContainerPtr container, spec::ExitRecord otherwise) {
  if (container->exit.has_value() || container->removed) {
    co_return;
  }
  if (std::exchange(container->recording, true)) {
    co_await container->exited.Wait();
    co_return;
  }
  const spec::PodId pod = container->pod;
  const spec::AppName app = container->app();
  const absl::Status recorded = spec::RecordExit(env_.layout(), pod, app, otherwise);
  if (absl::IsAlreadyExists(recorded)) {
    const absl::StatusOr<spec::ContainerState> on_disk = spec::ReadContainer(env_.layout(), pod, app);
    if (on_disk.ok() && on_disk->exit.has_value()) {
      otherwise = *on_disk->exit;
    }
  } else if (!recorded.ok()) {
    // The helper tries again when the unit stops. Silence would keep the container running for ever in CRI's eyes.
    base::journal::Error("The end of a container could not be recorded on disk",
                         {{"CONTAINER_ID", container->id().str()}, {"POD_ID", pod.str()}, {"ERROR", recorded}});
  }
  co_await KillLeftovers(container);
  if (container->started.has_value()) {
    // Whoever reads the log after the exit expects all of it.
    const absl::Status drained = co_await env_.supervisors.Drain(pod, app);
    if (!drained.ok() && !absl::IsUnavailable(drained) && !absl::IsNotFound(drained)) {
      base::journal::Warning("The log of an ended container may be incomplete",
                             {{"CONTAINER_ID", container->id().str()}, {"ERROR", drained}});
    }
  }
  container->pid = 0;
  container->exit = otherwise;
  container->recording = false;
  container->exited.Set();
  env_.events.Update(env_.store.Find(pod), *container);
  base::journal::Info("Container ended", {{"CONTAINER_ID", container->id().str()},
                                          {"POD_ID", pod.str()},
                                          {"UNIT", container->unit.str()},
                                          {"EXIT_CODE", static_cast<int64_t>(otherwise.code)},
                                          {"REASON", ExitReason(otherwise)}});
}

}  // namespace rktlet::pods
