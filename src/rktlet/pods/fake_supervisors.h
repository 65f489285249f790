// SPDX-License-Identifier: Apache-2.0
// Supervisors in memory for tests: a start goes through the manager like a real one and writes the `started` record.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "rktlet/pods/supervisors.h"
#include "unit/pod_unit.h"

namespace rktlet::pods {

class FakeSupervisors final : public Supervisors {
 public:
  FakeSupervisors(systemd::Manager& manager, unit::Programs programs, std::string boot_id)
      : manager_(manager), programs_(std::move(programs)), boot_id_(std::move(boot_id)) {}

  std::vector<std::string> calls;     // "Start <app>", "OomSeen <app>", …
  absl::Status next_start;            // what the next start fails with, after its unit has been started and stopped
  std::function<void()> before_gate;  // runs when the unit's job is done and the gate still closed
  std::set<std::string> oom;          // apps in which the kernel has killed
  absl::Status answers;               // of everything but Start: not OK when the supervisor is gone
  static constexpr int64_t kStartedAt = 1'700'000'100'000'000'000;

  Awaitable<absl::StatusOr<unit::StartResult>> Start(spec::PodRecord pod, spec::ContainerRecord container,
                                                     unit::UnitOptions options,
                                                     std::chrono::milliseconds timeout) override {
    calls.push_back("Start " + container.spec.app.str());
    auto unit = unit::BuildContainerUnit(pod, container, programs_, options);
    CO_RETURN_IF_ERROR(unit.status());
    const systemd::UnitName name = unit->name();
    const absl::Status job = co_await manager_.StartTransientUnit(*std::move(unit), timeout);
    CO_RETURN_IF_ERROR(job);
    if (const absl::Status failure = std::exchange(next_start, absl::OkStatus()); !failure.ok()) {
      const absl::Status stopped = co_await manager_.StopUnit(name);
      const absl::Status reset = co_await manager_.ResetFailedUnit(name);
      CO_RETURN_IF_ERROR(stopped);
      CO_RETURN_IF_ERROR(reset);
      co_return failure;
    }
    if (before_gate) {
      before_gate();
    }
    spec::StartedRecord started;
    started.started_at = kStartedAt;
    started.boot_id = boot_id_;
    const std::string path = programs_.layout.AppFile(pod.spec.id, container.spec.app, spec::kStartedFile);
    CO_RETURN_IF_ERROR(base::WriteFileAtomic(path, spec::ToJson(started)));
    co_return unit::StartResult{kStartedAt};
  }

  Awaitable<absl::StatusOr<bool>> OomSeen(spec::PodId, spec::AppName app) override {
    calls.push_back("OomSeen " + app.str());
    CO_RETURN_IF_ERROR(answers);
    co_return oom.contains(app.str());
  }
  Awaitable<absl::Status> ReopenLog(spec::PodId, spec::AppName app) override {
    calls.push_back("ReopenLog " + app.str());
    co_return answers;
  }
  Awaitable<absl::Status> Drain(spec::PodId, spec::AppName app) override {
    calls.push_back("Drain " + app.str());
    co_return answers;
  }

 private:
  systemd::Manager& manager_;
  unit::Programs programs_;
  std::string boot_id_;
};

}  // namespace rktlet::pods
