// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/observe.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>

#include "base/clock.h"
#include "base/files.h"
#include "rkt/pod/network_namespace.h"
#include "unit/supervisor_client.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;

constexpr std::chrono::milliseconds kPingTimeout = std::chrono::seconds(2);

int64_t ModifiedAt(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return 0;
  }
  return info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
}

bool SomebodyHoldsTheLock(const spec::Layout& layout, const spec::PodId& pod) {
  const auto lock = base::FileLock::TryExclusive(layout.PodFile(pod, spec::kLockFile));
  return lock.ok() && !lock->has_value();
}

std::string StateOfStillPod(const spec::Layout& layout, const spec::PodState& files, const std::string& boot_id) {
  const spec::PodSpec& pod = files.record.spec;
  const bool had_supervisor = base::Exists(layout.SupervisorPidFile(pod.id));
  if (files.exit.has_value() || files.stopped || files.record.boot_id != boot_id || had_supervisor) {
    return "exited";
  }
  if (pod.network == spec::NamespaceMode::kPod && !IsPinnedNamespace(layout.NetworkNamespace(pod.id))) {
    return SomebodyHoldsTheLock(layout, pod.id) ? "preparing" : "aborted prepare";
  }
  return "prepared";
}

int64_t ExitedAt(const spec::Layout& layout, const spec::PodState& files) {
  if (files.exit.has_value()) {
    return files.exit->finished_at;
  }
  return files.stopped ? ModifiedAt(layout.PodFile(files.record.spec.id, spec::kStoppedFile)) : 0;
}

}  // namespace

bool PodRuns(const spec::Layout& layout, const spec::PodId& pod) {
  const auto answer =
      rktlet::unit::CallSupervisor(layout.SupervisorSocket(pod), spec::supervisor::kPing, 0, {}, kPingTimeout);
  return !absl::IsUnavailable(answer.status());
}

int SupervisorPid(const spec::Layout& layout, const spec::PodId& pod) {
  const auto text = base::ReadFile(layout.SupervisorPidFile(pod));
  return text.ok() ? std::atoi(text->c_str()) : 0;
}

absl::StatusOr<PodView> ObservePod(const spec::Layout& layout, const spec::PodId& pod) {
  if (!base::Exists(layout.Pod(pod))) {
    return absl::NotFoundError("no matches found for \"" + pod.str() + "\"");
  }
  ASSIGN_OR_RETURN(const std::string boot_id, base::BootId());
  PodView view;
  view.id = pod;
  auto files = spec::ReadPod(layout, pod);
  if (!files.ok() && !base::Exists(layout.Pod(pod))) {
    return absl::NotFoundError("no matches found for \"" + pod.str() + "\"");  // removed meanwhile
  }
  if (!files.ok()) {
    view.state = "unknown";
    view.problem = files.status();
    return view;
  }
  view.files = *std::move(files);
  if (PodRuns(layout, pod)) {
    view.state = "running";
    view.pid = SupervisorPid(layout, pod);
    view.started_at = ModifiedAt(layout.SupervisorPidFile(pod));
    return view;
  }
  view.state = StateOfStillPod(layout, *view.files, boot_id);
  if (view.state == "exited") {
    view.exited_at = ExitedAt(layout, *view.files);
  }
  return view;
}

}  // namespace rkt::pod
