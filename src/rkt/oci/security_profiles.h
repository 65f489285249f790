// SPDX-License-Identifier: Apache-2.0
// Seccomp, AppArmor and SELinux of a container: which profile and label it gets, or why it cannot.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/host_facts.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/container_spec.h"

namespace rkt::oci {

struct SecurityPaths {
  std::string seccomp_default = "/usr/share/containers/seccomp.json";
  std::string seccomp_localhost = "/var/lib/kubelet/seccomp";  // where relative Localhost profiles are
  std::string seccomp_cache = "/var/lib/rkt/seccomp";
};

// Fills in the seccomp parts: with `compiled` the filter, else the rules. `spec.process.capabilities` must be set: the
// default profile depends on them. Privileged containers are unconfined, as with every runtime.
absl::Status ApplySeccomp(const rktlet::spec::ContainerSecurity& security, const HostFacts& facts,
                          const SecurityPaths& paths, bool compiled, RuntimeSpec& spec);

// Sets the AppArmor profile. FailedPrecondition when a profile is asked for by name and the machine has no AppArmor or
// no such profile loaded. RuntimeDefault is the profile "rktlet-default" where the administrator loaded one, else
// unconfined, with a warning where AppArmor is enabled.
absl::Status ApplyApparmor(const rktlet::spec::ContainerSecurity& security, const HostFacts& facts, RuntimeSpec& spec,
                           std::vector<std::string>& warnings);

// Sets SELinux' process and mount labels, with `pod_level` unless the container has one of its own. Where the machine
// has SELinux and its policy knows no containers, that is a warning, unless something is asked for.
absl::Status ApplySelinux(const rktlet::spec::ContainerSpec& container, const HostFacts& facts,
                          const std::string& pod_level, RuntimeSpec& spec, std::vector<std::string>& warnings);

}  // namespace rkt::oci
