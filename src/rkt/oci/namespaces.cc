// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/namespaces.h"

#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::Layout;
using rktlet::spec::NamespaceMode;

std::string NamespacePath(int pid, const char* type) { return StrCat("/proc/", pid, "/ns/", type); }

absl::StatusOr<int> ReadPid(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, rktlet::base::ReadFile(path, 64));
  const int pid = std::atoi(text.c_str());
  if (pid <= 1) {
    return absl::DataLossError(StrCat(path, ": \"", text, "\" is no process id"));
  }
  return pid;
}

absl::StatusOr<int> FindTarget(const Layout& layout, const rktlet::spec::PodSpec& pod, const std::string& target) {
  ASSIGN_OR_RETURN(std::vector<rktlet::spec::AppName> apps, rktlet::spec::ListApps(layout, pod.id));
  for (const rktlet::spec::AppName& app : apps) {
    absl::StatusOr<rktlet::spec::ContainerState> state = rktlet::spec::ReadContainer(layout, pod.id, app);
    if (!state.ok() || state->record.spec.id.str() != target) {
      continue;
    }
    if (!state->started.has_value() || state->exit.has_value()) {
      return absl::FailedPreconditionError(
          StrCat("container ", target, ", whose processes are to be seen, is not running"));
    }
    return ReadPid(layout.ContainerPidFile(state->record.spec.id));
  }
  return absl::NotFoundError(
      StrCat("pod ", pod.id.str(), " has no container ", target, " whose processes could be seen"));
}

}  // namespace

absl::StatusOr<std::vector<LinuxNamespace>> BuildNamespaces(const rktlet::spec::PodSpec& pod,
                                                            const rktlet::spec::ContainerSpec& container,
                                                            const NamespaceHolders& holders, const Layout& layout,
                                                            rktlet::unit::CgroupVersion cgroup_version) {
  std::vector<LinuxNamespace> namespaces;
  namespaces.push_back({"mount", ""});
  if (pod.user_namespace.has_value()) {
    if (container.security.pid == NamespaceMode::kNode) {
      return absl::InvalidArgumentError(StrCat("container \"", container.name,
                                               "\" is to see the node's processes, and its pod has a user namespace"));
    }
    namespaces.push_back({"user", layout.UserNamespace(pod.id)});
  }
  if (pod.network == NamespaceMode::kPod) {
    namespaces.push_back({"network", layout.NetworkNamespace(pod.id)});
  }
  if (pod.ipc == NamespaceMode::kPod) {
    namespaces.push_back({"ipc", NamespacePath(holders.supervisor, "ipc")});
  }
  // Where the pod shares the host's, so does its supervisor.
  namespaces.push_back({"uts", NamespacePath(holders.supervisor, "uts")});
  switch (container.security.pid) {
    case NamespaceMode::kContainer:
      namespaces.push_back({"pid", ""});
      break;
    case NamespaceMode::kPod:
      if (pod.pid != NamespaceMode::kPod) {
        return absl::InvalidArgumentError(
            StrCat("container \"", container.name, "\" is to share the pod's processes, and the pod shares none"));
      }
      namespaces.push_back({"pid", NamespacePath(holders.supervisor, "pid")});
      break;
    case NamespaceMode::kTarget:
      namespaces.push_back({"pid", NamespacePath(holders.pid_target, "pid")});
      break;
    case NamespaceMode::kNode:
      break;
  }
  // On v1 a cgroup namespace hides nothing that matters and breaks programs that look for their group in /proc.
  if (cgroup_version == rktlet::unit::CgroupVersion::kV2 && !container.security.privileged) {
    namespaces.push_back({"cgroup", ""});
  }
  return namespaces;
}

absl::StatusOr<NamespaceHolders> FindNamespaceHolders(const Layout& layout, const rktlet::spec::PodSpec& pod,
                                                      const rktlet::spec::ContainerSpec& container) {
  NamespaceHolders holders;
  absl::StatusOr<int> supervisor = ReadPid(layout.SupervisorPidFile(pod.id));
  if (absl::IsNotFound(supervisor.status()) ||
      (supervisor.ok() && !rktlet::base::Exists(StrCat("/proc/", *supervisor)))) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.id.str(), " is not running"));
  }
  RETURN_IF_ERROR(supervisor.status());
  holders.supervisor = *supervisor;
  if (container.security.pid == NamespaceMode::kTarget) {
    ASSIGN_OR_RETURN(holders.pid_target, FindTarget(layout, pod, container.security.pid_target));
  }
  return holders;
}

}  // namespace rkt::oci
