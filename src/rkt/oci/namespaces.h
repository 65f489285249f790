// SPDX-License-Identifier: Apache-2.0
// Which namespaces a container has: its own mounts, the pod's network, ipc and uts, a PID namespace as asked.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/container_spec.h"
#include "spec/layout.h"
#include "spec/records.h"
#include "unit/cgroup.h"

namespace rkt::oci {

// Processes whose namespaces a container joins; 0: not known.
struct NamespaceHolders {
  int supervisor = 0;  // of the pod: ipc and uts are its own, and pid when shared
  int pid_target = 0;  // of the container that NamespaceMode::kTarget names
};

absl::StatusOr<std::vector<LinuxNamespace>> BuildNamespaces(const rktlet::spec::PodSpec& pod,
                                                            const rktlet::spec::ContainerSpec& container,
                                                            const NamespaceHolders& holders,
                                                            const rktlet::spec::Layout& layout,
                                                            rktlet::unit::CgroupVersion cgroup_version);

// Finds the holders. FailedPrecondition when the pod does not run, NotFound when the target container is not of the pod
// or does not run.
absl::StatusOr<NamespaceHolders> FindNamespaceHolders(const rktlet::spec::Layout& layout,
                                                      const rktlet::spec::PodSpec& pod,
                                                      const rktlet::spec::ContainerSpec& container);

}  // namespace rkt::oci
