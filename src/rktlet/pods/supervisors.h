// SPDX-License-Identifier: Apache-2.0
// What the daemon asks of a pod's insides besides the engine's commands: the start of a container and the questions to
// the pod's supervisor. An interface, so that lifecycle tests need neither sockets nor crun.
#pragma once

#include <chrono>

#include "base/status.h"
#include "rktlet/pods/sync.h"
#include "spec/layout.h"
#include "spec/records.h"
#include "systemd/manager.h"
#include "unit/cgroup.h"
#include "unit/pod_unit.h"
#include "unit/start_container.h"

namespace rktlet::pods {

class Supervisors {
 public:
  virtual ~Supervisors() = default;

  // unit::StartContainer(): on an error nothing of the container runs any more.
  virtual Awaitable<absl::StatusOr<unit::StartResult>> Start(spec::PodRecord pod, spec::ContainerRecord container,
                                                             unit::UnitOptions options,
                                                             std::chrono::milliseconds timeout) = 0;
  // Whether the kernel's OOM killer has killed in the container. Unavailable when the pod's supervisor has ended.
  virtual Awaitable<absl::StatusOr<bool>> OomSeen(spec::PodId pod, spec::AppName app) = 0;
  // Afterwards output goes to a new file at the log path.
  virtual Awaitable<absl::Status> ReopenLog(spec::PodId pod, spec::AppName app) = 0;
  // Afterwards all that the container has written is in its log, as far as nothing holds its output open.
  virtual Awaitable<absl::Status> Drain(spec::PodId pod, spec::AppName app) = 0;
};

class SocketSupervisors final : public Supervisors {
 public:
  SocketSupervisors(systemd::Manager& manager, unit::Programs programs, unit::Cgroups cgroups)
      : manager_(manager), programs_(std::move(programs)), cgroups_(std::move(cgroups)) {}

  Awaitable<absl::StatusOr<unit::StartResult>> Start(spec::PodRecord pod, spec::ContainerRecord container,
                                                     unit::UnitOptions options,
                                                     std::chrono::milliseconds timeout) override;
  Awaitable<absl::StatusOr<bool>> OomSeen(spec::PodId pod, spec::AppName app) override;
  Awaitable<absl::Status> ReopenLog(spec::PodId pod, spec::AppName app) override;
  Awaitable<absl::Status> Drain(spec::PodId pod, spec::AppName app) override;

 private:
  systemd::Manager& manager_;
  unit::Programs programs_;
  unit::Cgroups cgroups_;
};

}  // namespace rktlet::pods
