// SPDX-License-Identifier: Apache-2.0
// What a runtime specification depends on besides what was asked for: the machine. Gathered once, replaced in tests.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "rkt/oci/seccomp_profile.h"
#include "rkt/selinux/policy.h"
#include "unit/cgroup.h"

namespace rkt::oci {

struct HostFacts {
  rktlet::unit::CgroupVersion cgroup_version = rktlet::unit::CgroupVersion::kV2;
  uint64_t capabilities = 0;          // bounding set that PID 1 gives its services
  int minimum_oom_score_adj = -1000;  // the lowest that a service here may set
  bool mount_attributes = true;       // mount_setattr(2): options for a mount and all below it
  bool apparmor = false;
  rkt::selinux::Policy selinux;
  std::string apparmor_profiles;  // the kernel's list of loaded profiles, a line each: "NAME (MODE)"
  SeccompFacts seccomp;
};

// PID 1's facts, because PID 1 starts the containers' units: the caller may be a service with fewer rights.
absl::StatusOr<HostFacts> GatherHostFacts();

}  // namespace rkt::oci
