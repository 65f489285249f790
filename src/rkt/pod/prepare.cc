// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/prepare.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "rkt/pod/cni_arguments.h"
#include "rkt/pod/etc_files.h"
#include "rkt/pod/id_mapped_mount.h"
#include "rkt/pod/network_namespace.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/sysctls.h"
#include "rkt/pod/user_namespace.h"
#include "rkt/selinux/categories.h"
#include "rkt/selinux/relabel.h"
#include "spec/runtime_handlers.h"
#include "unit/unit_names.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using base::StrCat;
using spec::NamespaceMode;

absl::StatusOr<spec::PodRecord> MakeRecord(const spec::PodSpec& pod) {
  spec::PodRecord record;
  record.spec = pod;
  record.created_at = base::SystemClock().RealtimeNanos();
  ASSIGN_OR_RETURN(record.boot_id, base::BootId());
  record.unit = rktlet::unit::PodUnitName(pod).str();
  return record;
}

absl::Status WritePodDirectory(const std::string& directory, const spec::PodRecord& record, const std::string& label) {
  RETURN_IF_ERROR(base::MakeDirectories(directory + "/apps", 0700));
  RETURN_IF_ERROR(WriteEtcFiles(directory, record.spec));
  if (!label.empty()) {
    for (const char* name : {spec::kHostnameFile, spec::kHostsFile, spec::kResolvConfFile}) {
      RETURN_IF_ERROR(selinux::SetLabel(StrCat(directory, "/", name), label));
    }
  }
  return base::WriteFileAtomic(StrCat(directory, "/", spec::kPodFile), spec::ToJson(record));
}

// What is not in the pod directory and does not survive a reboot.
absl::Status PrepareRunState(const spec::Layout& layout, const spec::PodSpec& pod) {
  if (!pod.log_directory.empty()) {
    RETURN_IF_ERROR(base::MakeDirectories(pod.log_directory, 0755));
  }
  RETURN_IF_ERROR(base::MakeDirectories(layout.RunPods(), 0700));
  RETURN_IF_ERROR(base::MakeDirectories(layout.RunPod(pod.id), 0700));
  RETURN_IF_ERROR(base::MakeDirectories(layout.run_dir() + "/pid", 0700));
  // First: it owns the network namespace.
  base::UniqueFd user_namespace;
  if (pod.user_namespace.has_value()) {
    const std::string path = layout.UserNamespace(pod.id);
    RETURN_IF_ERROR(PinUserNamespace(path, *pod.user_namespace));
    ASSIGN_OR_RETURN(user_namespace, base::OpenAt(AT_FDCWD, path, O_RDONLY));
    RETURN_IF_ERROR(base::MakeDirectories(layout.Images(), 0700));
    RETURN_IF_ERROR(CheckMapsIds(layout.Images(), user_namespace.get(), StrCat("user_namespace: ", layout.Images())));
  }
  if (pod.network == NamespaceMode::kNode) {
    return absl::OkStatus();
  }
  return PinNetworkNamespace(layout.NetworkNamespace(pod.id), user_namespace.get(),
                             [&pod] { return ApplySysctls(pod.sysctls, SysctlScope::kNetwork); });
}

void RemoveRunState(const spec::Layout& layout, const spec::PodId& pod) {
  UnpinNamespace(layout.NetworkNamespace(pod)).IgnoreError();
  UnpinNamespace(layout.UserNamespace(pod)).IgnoreError();
  base::RemoveTree(layout.RunPod(pod)).IgnoreError();
}

absl::StatusOr<spec::PodRecord> Resume(const spec::Layout& layout, const spec::PodSpec& pod) {
  ASSIGN_OR_RETURN(const base::FileLock lock, LockPod(layout, pod.id));
  ASSIGN_OR_RETURN(const spec::PodState state, spec::ReadPod(layout, pod.id));
  if (!(state.record.spec == pod)) {
    return absl::AlreadyExistsError(StrCat("pod ", pod.id.str(), " exists with another document"));
  }
  ASSIGN_OR_RETURN(const std::string boot_id, base::BootId());
  if (state.record.boot_id != boot_id) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.id.str(), " was made before the machine was restarted"));
  }
  if (state.stopped || state.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.id.str(), " has been stopped"));
  }
  RETURN_IF_ERROR(PrepareRunState(layout, pod));
  return state.record;
}

absl::Status Check(const spec::PodSpec& pod) {
  RETURN_IF_ERROR(spec::Validate(pod));
  RETURN_IF_ERROR(CheckSysctls(pod));
  RETURN_IF_ERROR(CheckCniAnnotations(pod));
  RETURN_IF_ERROR(base::Annotate(spec::RuntimeHandlerName(pod.runtime_handler).status(), "runtime_handler"));
  if (const absl::Status found = spec::FindRuntimeProgram(pod.runtime_handler).status();
      !pod.runtime_handler.empty() && !found.ok()) {
    return absl::FailedPreconditionError(StrCat("runtime_handler: ", found.message()));
  }
  if (pod.user_namespace.has_value() && !spec::KnowsUserNamespaces(pod.runtime_handler)) {
    return absl::FailedPreconditionError(
        StrCat("user_namespace: the runtime handler ", pod.runtime_handler, " cannot start containers in one"));
  }
  return absl::OkStatus();
}

// The new pod directory, under the lock of the pod from before anybody can see it. nullopt: another run was faster.
absl::StatusOr<std::optional<spec::PodRecord>> Make(const spec::Layout& layout, const spec::PodSpec& pod) {
  ASSIGN_OR_RETURN(spec::PodRecord record, MakeRecord(pod));
  RETURN_IF_ERROR(base::MakeDirectories(layout.Pods(), 0700));
  // Its level is reserved until the record is where other pods look.
  ASSIGN_OR_RETURN(selinux::PodLabels labels, selinux::LabelPod(selinux::ReadPolicy(), layout, pod.security));
  record.selinux_level = labels.level;
  const std::string temporary = StrCat(layout.Pods(), "/", kPreparePrefix, pod.id.str(), "-", ::getpid());
  RETURN_IF_ERROR(base::RemoveTree(temporary));  // of a process with our number that died
  absl::Cleanup remove_temporary = [&temporary] { base::RemoveTree(temporary).IgnoreError(); };
  RETURN_IF_ERROR(base::MakeDirectories(temporary, 0700));
  ASSIGN_OR_RETURN(const base::FileLock lock, base::FileLock::Exclusive(StrCat(temporary, "/", spec::kLockFile)));
  RETURN_IF_ERROR(WritePodDirectory(temporary, record, labels.files));
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, layout.Pod(pod.id).c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST || errno == ENOTEMPTY) {
      return std::optional<spec::PodRecord>();
    }
    return base::ErrnoStatus(errno, StrCat("name the directory of pod ", pod.id.str()));
  }
  std::move(remove_temporary).Cancel();
  labels.reserved.reset();
  if (absl::Status status = PrepareRunState(layout, pod); !status.ok()) {
    RemoveRunState(layout, pod.id);
    base::RemoveTree(layout.Pod(pod.id)).IgnoreError();
    return status;
  }
  return std::optional<spec::PodRecord>(record);
}

}  // namespace

absl::StatusOr<spec::PodRecord> PreparePod(const spec::Layout& layout, const spec::PodSpec& pod) {
  RETURN_IF_ERROR(Check(pod));
  if (!base::Exists(layout.Pod(pod.id))) {
    ASSIGN_OR_RETURN(const auto made, Make(layout, pod));
    if (made.has_value()) {
      return *made;
    }
  }
  return Resume(layout, pod);
}

absl::StatusOr<spec::PodRecord> PrepareNewPod(const spec::Layout& layout, const spec::PodSpec& pod) {
  RETURN_IF_ERROR(Check(pod));
  const absl::Status exists = absl::AlreadyExistsError(StrCat("pod ", pod.id.str(), " exists"));
  if (base::Exists(layout.Pod(pod.id))) {
    return exists;
  }
  ASSIGN_OR_RETURN(const auto made, Make(layout, pod));
  return made.has_value() ? absl::StatusOr<spec::PodRecord>(*made) : exists;
}

absl::StatusOr<spec::PodRecord> MovePodToUnit(const spec::Layout& layout, const spec::PodId& pod,
                                              const std::string& unit, const std::string& slice) {
  ASSIGN_OR_RETURN(const base::FileLock lock, LockPod(layout, pod));
  ASSIGN_OR_RETURN(const spec::PodState state, spec::ReadPod(layout, pod));
  const char* reason = state.record.spec.managed                 ? "belongs to rktlet"
                       : state.stopped || state.exit.has_value() ? "has been stopped"
                       : PodRuns(layout, pod)                    ? "is running"
                                                                 : nullptr;
  if (reason != nullptr) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.str(), " ", reason));
  }
  spec::PodRecord record = state.record;
  record.spec.unit = unit;
  record.spec.slice = slice;
  record.unit = rktlet::unit::PodUnitName(record.spec).str();
  RETURN_IF_ERROR(base::WriteFileAtomic(layout.PodFile(pod, spec::kPodFile), spec::ToJson(record)));
  return record;
}

}  // namespace rkt::pod
