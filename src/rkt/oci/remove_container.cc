// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/remove_container.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/add_container.h"
#include "rkt/pod/pod_lock.h"
#include "spec/runtime_handlers.h"
#include "unit/supervisor_client.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::spec::AppName;
using rktlet::spec::Layout;
using rktlet::spec::PodId;

// A supervisor that is gone holds nothing any more.
absl::Status LetGo(const Layout& layout, const PodId& pod, const AppName& app) {
  namespace supervisor = rktlet::spec::supervisor;
  for (supervisor::Operation operation : {supervisor::kDrain, supervisor::kForget}) {
    const absl::Status status =
        rktlet::unit::CallSupervisor(layout.SupervisorSocket(pod), operation, 0, {app.str()}).status();
    if (!status.ok() && !absl::IsUnavailable(status) && !absl::IsNotFound(status)) {
      return rktlet::base::Annotate(status, "the pod's supervisor");
    }
  }
  return absl::OkStatus();
}

// What a killed command left behind.
absl::Status SweepPod(const Layout& layout, const PodId& pod) {
  const absl::StatusOr<rktlet::base::FileLock> lock = rkt::pod::LockPod(layout, pod);
  if (!lock.ok()) {
    return absl::IsNotFound(lock.status()) ? absl::OkStatus() : lock.status();
  }
  SweepApps(layout, pod);
  return absl::OkStatus();
}

}  // namespace

absl::Status RemoveRuntimeState(const Layout& layout, const rktlet::spec::ContainerId& id) {
  // The unit's cgroup is systemd's and there are no hooks: the directory is all that `delete` would take away.
  RETURN_IF_ERROR(rktlet::spec::RemoveRuntimeRoots(layout, id));
  const std::string pid_file = layout.ContainerPidFile(id);
  if (unlink(pid_file.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, pid_file);
  }
  return absl::OkStatus();
}

absl::Status RemoveContainerFiles(const Layout& layout, const PodId& pod, const AppName& app) {
  const std::string path = layout.App(pod, app);
  if (!rktlet::base::Exists(path)) {
    return SweepPod(layout, pod);
  }
  RETURN_IF_ERROR(LetGo(layout, pod, app));
  // An unreadable record must not make the container unremovable; what the runtime keeps of it vanishes with this boot.
  if (absl::StatusOr<rktlet::spec::ContainerState> state = rktlet::spec::ReadContainer(layout, pod, app); state.ok()) {
    RETURN_IF_ERROR(RemoveRuntimeState(layout, state->record.spec.id));
  }
  const std::string trash = StrCat(layout.Apps(pod), "/.old-", app.str(), "-", getpid());
  {
    ASSIGN_OR_RETURN(rktlet::base::FileLock lock, rkt::pod::LockPod(layout, pod));
    SweepApps(layout, pod);
    if (rename(path.c_str(), trash.c_str()) != 0) {
      return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, path);
    }
  }
  return rktlet::base::RemoveTree(trash);
}

}  // namespace rkt::oci
