// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/security_profiles.h"

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/seccomp_filter.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::ProfileType;

constexpr char kDefaultApparmorProfile[] = "rktlet-default";

bool IsLoaded(const HostFacts& facts, const std::string& profile) {
  const std::string line = profile + " (";
  return facts.apparmor_profiles.compare(0, line.size(), line) == 0 ||
         facts.apparmor_profiles.find("\n" + line) != std::string::npos;
}

}  // namespace

absl::Status ApplySeccomp(const rktlet::spec::ContainerSecurity& security, const HostFacts& facts,
                          const SecurityPaths& paths, bool compiled, RuntimeSpec& spec) {
  if (security.privileged || security.seccomp.type == ProfileType::kUnconfined) {
    return absl::OkStatus();
  }
  std::string path = paths.seccomp_default;
  if (security.seccomp.type == ProfileType::kLocalhost) {
    path = security.seccomp.localhost_ref;
    if (path.empty()) {
      return absl::InvalidArgumentError("a Localhost seccomp profile needs the name of its file");
    }
    if (path.front() != '/') {
      path = paths.seccomp_localhost + "/" + path;
    }
  }
  absl::StatusOr<std::string> text = rktlet::base::ReadFile(path, size_t{1} << 20);
  if (!text.ok()) {
    return rktlet::base::Annotate(text.status(), "seccomp profile");
  }
  SeccompFacts seccomp_facts = facts.seccomp;
  seccomp_facts.capabilities.insert(spec.process.capabilities.bounding.begin(),
                                    spec.process.capabilities.bounding.end());
  // Compiled in any case: that finds what is wrong with the profile.
  absl::StatusOr<CompiledSeccomp> filter = CompileSeccompCached(*text, seccomp_facts, paths.seccomp_cache);
  if (!filter.ok()) {
    return rktlet::base::Annotate(filter.status(), StrCat("seccomp profile ", path));
  }
  if (!compiled) {
    ASSIGN_OR_RETURN(const SeccompProfile profile, ParseSeccompProfile(*text, seccomp_facts));
    spec.seccomp_rules = SeccompToOci(profile);
    return absl::OkStatus();
  }
  spec.seccomp_filter = std::move(filter->filter);
  spec.seccomp_flags = std::move(filter->flags);
  return absl::OkStatus();
}

absl::Status ApplyApparmor(const rktlet::spec::ContainerSecurity& security, const HostFacts& facts, RuntimeSpec& spec,
                           std::vector<std::string>& warnings) {
  switch (security.apparmor.type) {
    case ProfileType::kUnconfined:
      return absl::OkStatus();
    case ProfileType::kRuntimeDefault:
      if (!facts.apparmor) {
        return absl::OkStatus();  // nothing to confine with; as every runtime has it
      }
      if (IsLoaded(facts, kDefaultApparmorProfile)) {
        spec.process.apparmor_profile = kDefaultApparmorProfile;
      } else {
        warnings.push_back(StrCat("AppArmor profile ", kDefaultApparmorProfile, " is not loaded: unconfined"));
      }
      return absl::OkStatus();
    case ProfileType::kLocalhost:
      break;
  }
  const std::string& profile = security.apparmor.localhost_ref;
  if (!facts.apparmor) {
    return absl::FailedPreconditionError(
        StrCat("AppArmor profile \"", profile, "\" is asked for, and AppArmor is not enabled on this machine"));
  }
  if (!IsLoaded(facts, profile)) {
    return absl::FailedPreconditionError(StrCat("AppArmor profile \"", profile, "\" is not loaded"));
  }
  spec.process.apparmor_profile = profile;
  return absl::OkStatus();
}

absl::Status ApplySelinux(const rktlet::spec::ContainerSpec& container, const HostFacts& facts,
                          const std::string& pod_level, RuntimeSpec& spec, std::vector<std::string>& warnings) {
  ASSIGN_OR_RETURN(
      const rkt::selinux::Labels labels,
      rkt::selinux::MakeLabels(facts.selinux, container.security.selinux, container.security.privileged, pod_level));
  if (facts.selinux.enabled && labels.empty()) {
    warnings.push_back("SELinux is enabled, and its policy knows no containers: unconfined");
  }
  spec.process.selinux_label = labels.process;
  spec.mount_label = labels.mount;
  return absl::OkStatus();
}

}  // namespace rkt::oci
