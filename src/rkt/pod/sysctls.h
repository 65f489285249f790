// SPDX-License-Identifier: Apache-2.0
// A pod's sysctls: only those that belong to one of its own namespaces, for any other would change the machine.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "spec/pod_spec.h"

namespace rkt::pod {

enum class SysctlScope { kNetwork, kIpc, kUts, kMachine };

// By the kernel's namespaces(7): net.* belongs to the network, kernel.shm* and others to IPC, kernel.domainname to UTS.
SysctlScope ScopeOfSysctl(const std::string& name);

// The file of a sysctl below /proc/sys; name with dots or slashes, as sysctl(8) takes it.
std::string SysctlPath(const std::string& name);

// InvalidArgument names each sysctl that the pod may not set, and why.
absl::Status CheckSysctls(const rktlet::spec::PodSpec& pod);

// Writes those of one scope. The caller is in the namespace.
absl::Status ApplySysctls(const std::map<std::string, std::string>& sysctls, SysctlScope scope);

}  // namespace rkt::pod
