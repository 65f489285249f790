// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/app_state.h"

#include "base/files.h"
#include "base/strings.h"
#include "unit/start_container.h"

namespace rkt::pod {
namespace {

namespace spec = rktlet::spec;

constexpr int kUnknownExitCode = 255;

std::string ReasonOf(const spec::ExitRecord& exit) {
  if (!exit.reason.empty()) {
    return exit.reason;
  }
  if (exit.oom) {
    return "OOMKilled";
  }
  return exit.code == 0 ? "Completed" : "Error";
}

AppState Exited(AppState state, int code, const std::string& reason, const std::string& message) {
  state.state = "exited";
  state.exit_code = code;
  state.reason = reason;
  state.message = message;
  return state;
}

}  // namespace

AppState DeriveAppState(const spec::ContainerState& files, const std::string& boot_id, bool process_runs) {
  AppState state;
  if (files.started.has_value()) {
    state.started_at = files.started->started_at;
  }
  if (files.exit.has_value()) {
    state.signal = files.exit->signal;
    state.finished_at = files.exit->finished_at;
    return Exited(state, files.exit->code, ReasonOf(*files.exit), files.exit->message);
  }
  if (files.record.boot_id != boot_id) {
    return Exited(state, kUnknownExitCode, "Rebooted", "the machine was restarted while the container existed");
  }
  if (!files.start_error.empty() && !files.started.has_value()) {
    return Exited(state, rktlet::unit::StartFailureCode(files.start_error), "StartError", files.start_error);
  }
  if (!files.started.has_value()) {
    state.state = "created";
    return state;
  }
  if (process_runs) {
    state.state = "running";
    state.pid = files.started->pid;
    return state;
  }
  return Exited(state, kUnknownExitCode, "Unknown", "the container ended and nobody recorded how");
}

AppState ObserveApp(const spec::ContainerState& files, const std::string& boot_id) {
  const bool runs =
      files.started.has_value() && !files.exit.has_value() && ProcessIsInUnit(files.started->pid, files.record.unit);
  return DeriveAppState(files, boot_id, runs);
}

bool ProcessIsInUnit(int pid, const std::string& unit) {
  if (pid <= 0 || unit.empty()) {
    return false;
  }
  const auto cgroups = rktlet::base::ReadFile(rktlet::base::StrCat("/proc/", pid, "/cgroup"));
  if (!cgroups.ok()) {
    return false;
  }
  const std::string component = "/" + unit;
  for (size_t at = cgroups->find(component); at != std::string::npos; at = cgroups->find(component, at + 1)) {
    const size_t end = at + component.size();
    if (end == cgroups->size() || (*cgroups)[end] == '\n' || (*cgroups)[end] == '/') {
      return true;
    }
  }
  return false;
}

}  // namespace rkt::pod
