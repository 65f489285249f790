// SPDX-License-Identifier: Apache-2.0
// From a pod or a container to its transient unit. Every property that a container can feel is explicit, because the
// defaults of a transient service are wrong for containers and system.conf may change them (systemd.exec(5),
// systemd.service(5), systemd.resource-control(5)).
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "spec/layout.h"
#include "spec/records.h"
#include "systemd/transient_unit.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

// Where the programs are that units run, and how they are told where state is.
struct Programs {
  std::string rkt;     // absolute path
  std::string helper;  // absolute path of rkt-helper
  spec::Layout layout;

  // The installed ones; the environment variables RKT_PROGRAM and RKT_HELPER win (tests).
  static Programs Installed(spec::Layout layout);
};

struct UnitOptions {
  CgroupVersion cgroup_version = CgroupVersion::kV2;
  int64_t default_stop_timeout_usec = 30'000'000;  // of containers without one
  uint64_t start_timeout_usec = 120'000'000;       // at a CPU quota of one percent `crun create` alone takes a second
  bool may_lower_oom_score = true;                 // CAP_SYS_RESOURCE: else OOMScoreAdjust below 0 is left out
};

// A command of rkt as a command line of a unit, told where state is.
systemd::ExecCommand RktCommand(const Programs& programs, const std::vector<std::string>& args);

absl::StatusOr<systemd::TransientUnit> BuildPodUnit(const spec::PodRecord& pod, const Programs& programs,
                                                    const UnitOptions& options);
absl::StatusOr<systemd::TransientUnit> BuildContainerUnit(const spec::PodRecord& pod,
                                                          const spec::ContainerRecord& container,
                                                          const Programs& programs, const UnitOptions& options);

}  // namespace rktlet::unit
