// SPDX-License-Identifier: Apache-2.0
#include "unit/start_container.h"

#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "spec/checkpoint_files.h"
#include "spec/runtime_handlers.h"
#include "unit/criu_log.h"
#include "unit/freeze.h"
#include "unit/hook_unit.h"
#include "unit/supervisor_client.h"
#include "unit/unit_names.h"

namespace rktlet::unit {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr int kStartErrorCode = 128;  // what containerd reports for a container that could not be started
constexpr size_t kMaxCriuLog = size_t{256} << 20;
constexpr milliseconds kCleanupTimeout = std::chrono::seconds(15);

// The text of an entry of a runtime's log, {"msg":…,"level":"error","time":…}; nothing for what is no error. What crun
// says of an error in the container's process is such an entry within one.
std::optional<std::string> ErrorOf(const std::string& line) {
  const nlohmann::json entry = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto is = [&entry](const char* key) { return entry.contains(key) && entry[key].is_string(); };
  if (!entry.is_object() || !is("level") || entry["level"] != "error" || !is("msg")) {
    return std::nullopt;
  }
  const std::string text = entry["msg"];
  const nlohmann::json inner = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool nested = inner.is_object() && inner.contains("msg") && inner["msg"].is_string();
  return nested ? inner["msg"].get<std::string>() : text;
}

// A JSON object a line. The last error is the one that ended the runtime.
std::string LastErrorOf(const std::string& log) {
  std::string last;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    last = ErrorOf(std::string(line)).value_or(last);
  }
  return last;
}

// What the hook that failed has said last: crun tells only that one did.
std::string WithWordsOfHook(const spec::Layout& layout, const spec::PodId& pod, const spec::AppName& app,
                            std::string text) {
  const auto log = base::ReadFile(layout.AppFile(pod, app, spec::kHooksLogFile));
  if (!log.ok() || !absl::StrContains(text, " hook ")) {
    return text;
  }
  constexpr size_t kMostWords = 300;
  const std::vector<std::string> lines = absl::StrSplit(*log, '\n', absl::SkipWhitespace());
  return lines.empty() ? text : base::StrCat(text, ": ", lines.back().substr(0, kMostWords));
}

// Kills all processes of the unit, also without systemd's help: what is told to have failed must not run.
asio::awaitable<void> KillAll(systemd::Manager& manager, systemd::UnitName unit, Cgroups cgroups,
                              std::string control_group) {
  const absl::Status killed = co_await manager.KillUnit(unit, systemd::KillWho::kAll, SIGKILL);
  if (killed.ok() || absl::IsNotFound(killed)) {
    co_return;
  }
  base::journal::Warning("Cannot kill what is left of a failed start through systemd",
                         {{"UNIT", unit.str()}, {"STATUS", killed}});
  const auto processes = cgroups.Processes(control_group);
  for (const int pid : processes.ok() ? *processes : std::vector<int>()) {
    ::kill(pid, SIGKILL);
  }
}

// Ends whatever the start left and makes systemd forget the unit.
asio::awaitable<void> EndUnit(systemd::Manager& manager, systemd::UnitName unit, Cgroups cgroups,
                              std::string control_group) {
  co_await KillAll(manager, unit, cgroups, control_group);
  absl::Status stopped = co_await manager.StopUnit(unit, kCleanupTimeout);
  absl::Status reset = co_await manager.ResetFailedUnit(unit);
  for (const absl::Status& status : {stopped, reset}) {
    if (!status.ok()) {
      base::journal::Warning("Cannot clean up the unit of a failed start", {{"UNIT", unit.str()}, {"STATUS", status}});
    }
  }
}

absl::Status RecordStartError(const spec::Layout& layout, const spec::PodRecord& pod,
                              const spec::ContainerRecord& container, const std::string& message) {
  spec::ExitRecord exit;
  exit.code = StartFailureCode(message);
  exit.finished_at = base::SystemClock().RealtimeNanos();
  exit.reason = "StartError";
  exit.message = message;
  exit.recorded_by = "engine";
  const absl::Status status = spec::RecordExit(layout, pod.spec.id, container.spec.app, exit);
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

std::string GroupOf(const spec::PodRecord& pod, const spec::ContainerRecord& container) {
  return Cgroups::ControlGroup(PodSlice(pod.spec), ContainerUnitName(pod.spec, container.spec).str());
}

// AlreadyExists is the start's word for "somebody else is at it": nothing else may say that.
absl::Status AsFailure(const absl::Status& status, const std::string& message) {
  return {absl::IsAlreadyExists(status) ? absl::StatusCode::kInternal : status.code(), message};
}

// Opens the gate through the supervisor; the container's first process has waited there since the unit's job was done.
asio::awaitable<absl::StatusOr<StartResult>> OpenGate(systemd::Manager& manager, const spec::Layout layout,
                                                      const Cgroups cgroups, const spec::PodRecord pod,
                                                      const spec::ContainerRecord container) {
  const spec::PodId& id = pod.spec.id;
  auto pid = base::ReadFile(layout.ContainerPidFile(container.spec.id));
  if (!pid.ok()) {
    co_return pid.status();
  }
  const std::string group = GroupOf(pod, container);
  const std::string memory_directory = cgroups.MemoryDirectory(group);
  std::string gate = spec::RuntimeGate(layout, pod.spec.runtime_handler, container.spec.id);
  uint32_t flags = spec::WritesToGate(pod.spec.runtime_handler) ? spec::supervisor::kWritesToGate : 0U;
  if (base::Exists(layout.AppFile(id, container.spec.app, spec::kCheckpointDirectory))) {
    gate = FreezerFile(cgroups, pod, container);
    flags = spec::supervisor::kFrozen;
    const absl::Status held = co_await HoldRestored(manager, cgroups, pod, container);
    if (!held.ok()) {
      co_return held;
    }
  }
  std::vector<std::string> strings = {container.spec.app.str(), base::Exists(memory_directory) ? memory_directory : "",
                                      std::move(gate), std::string(absl::StripAsciiWhitespace(*pid))};
  std::string socket = layout.SupervisorSocket(id);
  auto reply = co_await AsyncCallSupervisor(std::move(socket), spec::supervisor::kStart, flags, std::move(strings));
  if (!reply.ok()) {
    co_return reply.status();
  }
  StartResult result;
  result.started_at = static_cast<int64_t>(reply->value);
  co_return result;
}

// A container that runs and must not: its end is on record, with the reason, before anybody can see it end, and nobody
// finds it started.
asio::awaitable<absl::Status> GiveUpRunning(systemd::Manager& manager, systemd::UnitName unit, spec::Layout layout,
                                            Cgroups cgroups, spec::PodRecord pod, spec::ContainerRecord container,
                                            absl::Status why) {
  const absl::Status recorded = RecordStartError(layout, pod, container, std::string(why.message()));
  if (!recorded.ok()) {
    base::journal::Error("Cannot record a start error", {{"UNIT", unit.str()}, {"STATUS", recorded}});
  }
  unlink(layout.AppFile(pod.spec.id, container.spec.app, spec::kStartedFile).c_str());
  const std::string group = GroupOf(pod, container);
  co_await EndUnit(manager, unit, cgroups, group);
  co_return AsFailure(why, std::string(why.message()));
}

}  // namespace

std::string StartFailureText(const spec::Layout& layout, const spec::PodId& pod, const spec::AppName& app) {
  const auto start_error = base::ReadFile(layout.AppFile(pod, app, spec::kStartErrorFile));
  if (start_error.ok() && !start_error->empty()) {
    return std::string(absl::StripAsciiWhitespace(*start_error));
  }
  std::string text;
  for (const char* handler : spec::kRuntimeHandlers) {
    const auto log = base::ReadFile(layout.AppFile(pod, app, spec::RuntimeLogFile(handler)));
    if (log.ok()) {
      text = WithWordsOfHook(layout, pod, app, LastErrorOf(*log));
      break;
    }
  }
  const auto criu = base::ReadFile(
      base::StrCat(layout.AppFile(pod, app, spec::kRestoreDirectory), "/", spec::kRestoreLogFile), kMaxCriuLog);
  if (criu.ok()) {
    const std::string errors = CriuErrors(*criu);
    return errors.empty() ? text : base::StrCat("restore: ", errors);
  }
  return text;
}

int StartFailureCode(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);  // crun has the C library's words, runc has Go's
  const auto says = [&lower](const char* words) { return lower.find(words) != std::string::npos; };
  if (says("executable file") && says("not found")) {
    return 127;
  }
  if (says("no such file or directory") && says("exec")) {
    return 127;
  }
  if (says("permission denied") && says("exec")) {
    return 126;
  }
  return kStartErrorCode;
}

asio::awaitable<absl::StatusOr<StartResult>> StartContainer(systemd::Manager& manager, Programs programs,
                                                            UnitOptions options, Cgroups cgroups, spec::PodRecord pod,
                                                            spec::ContainerRecord container, milliseconds timeout,
                                                            const std::function<absl::Status()>* before_gate) {
  auto unit = BuildContainerUnit(pod, container, programs, options);
  if (!unit.ok()) {
    co_return unit.status();
  }
  const systemd::UnitName name = unit->name();
  absl::Status status = co_await manager.StartTransientUnit(*std::move(unit), timeout);
  if (absl::IsAlreadyExists(status)) {
    co_return status;
  }
  std::string message;
  const bool at_gate = status.ok();
  if (at_gate && before_gate != nullptr) {
    status = (*before_gate)();
  }
  if (status.ok()) {
    auto opened = co_await OpenGate(manager, programs.layout, cgroups, pod, container);
    if (opened.ok()) {
      absl::Status hooks = co_await RunPoststartHooks(manager, programs, pod, container, timeout);
      if (hooks.ok()) {
        co_return *opened;
      }
      co_return co_await GiveUpRunning(manager, name, programs.layout, cgroups, pod, container, std::move(hooks));
    }
    status = opened.status();
  } else if (!at_gate) {
    message = StartFailureText(programs.layout, pod.spec.id, container.spec.app);
  }
  if (message.empty()) {
    message = std::string(status.message());
  }
  const std::string group = GroupOf(pod, container);
  co_await EndUnit(manager, name, cgroups, group);
  const absl::Status recorded = RecordStartError(programs.layout, pod, container, message);
  if (!recorded.ok()) {
    base::journal::Error("Cannot record a start error", {{"UNIT", name.str()}, {"STATUS", recorded}});
  }
  co_return AsFailure(status, message);
}

}  // namespace rktlet::unit
