// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/host_facts.h"

#include <linux/capability.h>

#include <cstdlib>
#include <string_view>

#include "base/files.h"
#include "base/mount_attributes.h"

namespace rkt::oci {
namespace {

using rktlet::base::ReadFile;

absl::StatusOr<uint64_t> BoundingSet() {
  ASSIGN_OR_RETURN(std::string status, ReadFile("/proc/1/status"));
  constexpr std::string_view kKey = "CapBnd:";
  const size_t at = status.find(kKey);
  if (at == std::string::npos) {
    return absl::InternalError("/proc/1/status has no CapBnd");
  }
  return std::strtoull(status.c_str() + at + kKey.size(), nullptr, 16);
}

}  // namespace

absl::StatusOr<HostFacts> GatherHostFacts() {
  HostFacts facts;
  ASSIGN_OR_RETURN(rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
  facts.cgroup_version = cgroups.version();
  ASSIGN_OR_RETURN(facts.capabilities, BoundingSet());
  if ((facts.capabilities & (uint64_t{1} << CAP_SYS_RESOURCE)) == 0) {
    absl::StatusOr<std::string> value = ReadFile("/proc/1/oom_score_adj");
    facts.minimum_oom_score_adj = value.ok() ? std::atoi(value->c_str()) : 0;
  }
  facts.mount_attributes = rktlet::base::HasMountSetattr();
  absl::StatusOr<std::string> apparmor = ReadFile("/sys/module/apparmor/parameters/enabled");
  facts.apparmor = apparmor.ok() && apparmor->front() == 'Y';
  if (facts.apparmor) {
    absl::StatusOr<std::string> profiles = ReadFile("/sys/kernel/security/apparmor/profiles");
    if (profiles.ok()) {
      facts.apparmor_profiles = *std::move(profiles);
    }
  }
  facts.selinux = rkt::selinux::ReadPolicy();
  facts.seccomp = HostSeccompFacts();
  return facts;
}

}  // namespace rkt::oci
