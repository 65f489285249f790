// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/remove.h"

#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/pod/network_namespace.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/prepare.h"
#include "spec/runtime_handlers.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using base::StrCat;

// The ids under which the container runtime may know the pod's containers. An app whose record is damaged may have its
// name as its id.
std::set<spec::ContainerId> ContainersOf(const spec::Layout& layout, const spec::PodId& pod) {
  std::set<spec::ContainerId> ids;
  const auto apps = spec::ListApps(layout, pod);
  if (!apps.ok()) {
    return ids;
  }
  for (const spec::AppName& app : *apps) {
    if (const auto files = spec::ReadContainer(layout, pod, app); files.ok()) {
      ids.insert(files->record.spec.id);
    } else if (auto id = spec::ContainerId::Parse(app.str()); id.ok()) {
      ids.insert(*std::move(id));
    }
  }
  return ids;
}

// The unit in which the supervisor of a pod with a damaged record runs; empty when none answers.
std::string UnitOfSupervisor(const spec::Layout& layout, const spec::PodId& pod) {
  constexpr std::string_view kService = ".service";
  if (!PodRuns(layout, pod)) {
    return "";
  }
  const auto cgroups = base::ReadFile(StrCat("/proc/", SupervisorPid(layout, pod), "/cgroup"));
  const size_t end = cgroups.ok() ? cgroups->rfind(StrCat(kService, "\n")) : std::string::npos;
  if (end == std::string::npos) {
    return "";
  }
  const size_t begin = cgroups->rfind('/', end) + 1;
  return cgroups->substr(begin, end - begin + kService.size());
}

absl::Status RemoveRuntimeState(const spec::Layout& layout, const spec::PodId& pod) {
  for (const spec::ContainerId& id : ContainersOf(layout, pod)) {
    RETURN_IF_ERROR(spec::RemoveRuntimeRoots(layout, id));
    RETURN_IF_ERROR(base::RemoveTree(layout.ContainerPidFile(id)));
  }
  return absl::OkStatus();
}

absl::Status RemoveRunDirectory(const spec::Layout& layout, const spec::PodId& pod) {
  RETURN_IF_ERROR(UnpinNamespace(layout.NetworkNamespace(pod)));
  RETURN_IF_ERROR(UnpinNamespace(layout.UserNamespace(pod)));
  return base::RemoveTree(layout.RunPod(pod));
}

}  // namespace

std::vector<std::string> UnitsOfPod(const spec::Layout& layout, const spec::PodId& pod) {
  std::vector<std::string> units;
  if (const auto apps = spec::ListApps(layout, pod); apps.ok()) {
    for (const spec::AppName& app : *apps) {
      if (const auto files = spec::ReadContainer(layout, pod, app); files.ok() && !files->record.unit.empty()) {
        units.push_back(files->record.unit);
      }
    }
  }
  if (const auto files = spec::ReadPod(layout, pod); files.ok()) {
    if (!files->record.unit.empty()) {
      units.push_back(files->record.unit);
    }
  } else if (std::string unit = UnitOfSupervisor(layout, pod); !unit.empty()) {
    units.push_back(std::move(unit));
  }
  return units;
}

absl::Status RemovePod(const spec::Layout& layout, const spec::PodId& pod, const NetworkOptions& network) {
  ASSIGN_OR_RETURN(const base::FileLock lock, LockPod(layout, pod));
  if (PodRuns(layout, pod)) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.str(), " is running"));
  }
  // A network record that cannot be read must not make the pod unremovable; a plugin that fails may do so, because
  // forgetting the attachment would leak an address.
  if (absl::Status status = NetworkDownLocked(layout, pod, network, lock);
      !status.ok() && status.code() != absl::StatusCode::kInvalidArgument) {
    return status;
  }
  RETURN_IF_ERROR(RemoveRuntimeState(layout, pod));
  RETURN_IF_ERROR(RemoveRunDirectory(layout, pod));
  const std::string trash = StrCat(layout.Pods(), "/", kRemovePrefix, pod.str(), "-", ::getpid());
  if (::rename(layout.Pod(pod).c_str(), trash.c_str()) != 0) {
    return base::ErrnoStatus(errno, StrCat("remove pod ", pod.str()));
  }
  return base::RemoveTree(trash);
}

}  // namespace rkt::pod
