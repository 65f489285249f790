// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/gc.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "rkt/pod/network_namespace.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/prepare.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using base::StrCat;

// A directory this young may belong to a command that has not taken its lock yet.
constexpr int64_t kYoungNanos = 60'000'000'000;

int64_t ChangedAt(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec : 0;
}

bool HasPrefix(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

bool IsLocked(const std::string& directory) {
  const std::string path = StrCat(directory, "/", spec::kLockFile);
  if (!base::Exists(path)) {
    return false;
  }
  const auto lock = base::FileLock::TryExclusive(path);
  return lock.ok() && !lock->has_value();
}

// When the pod's end was: of one interrupted while it was made, its making.
int64_t EndedAt(const PodView& pod) { return pod.exited_at != 0 ? pod.exited_at : pod.files->record.created_at; }

bool IsGarbage(const PodView& pod, int64_t now, std::chrono::nanoseconds grace_period) {
  if (!pod.files.has_value() || pod.files->record.spec.managed) {
    return false;
  }
  const bool over = pod.state == "exited" || pod.state == "aborted prepare";
  return over && now - EndedAt(pod) >= grace_period.count();
}

absl::Status AddUnfinished(const spec::Layout& layout, int64_t now, Garbage& garbage) {
  const auto names = base::ListDirectory(layout.Pods());
  if (absl::IsNotFound(names.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    const std::string path = StrCat(layout.Pods(), "/", name);
    const bool temporary = HasPrefix(name, kPreparePrefix) || HasPrefix(name, kRemovePrefix);
    if (temporary && now - ChangedAt(path) > kYoungNanos && !IsLocked(path)) {
      garbage.paths.push_back(path);
    }
  }
  return absl::OkStatus();
}

// Run directories of pods that are gone.
absl::Status AddOrphans(const spec::Layout& layout, int64_t now, Garbage& garbage) {
  const auto names = base::ListDirectory(layout.RunPods());
  if (absl::IsNotFound(names.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    const std::string path = StrCat(layout.RunPods(), "/", name);
    const auto id = spec::PodId::Parse(name);
    if (id.ok() && !base::Exists(layout.Pod(*id)) && now - ChangedAt(path) > kYoungNanos) {
      garbage.paths.push_back(path);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Garbage> FindGarbage(const spec::Layout& layout, std::chrono::nanoseconds grace_period) {
  Garbage garbage;
  const int64_t now = base::SystemClock().RealtimeNanos();
  ASSIGN_OR_RETURN(const auto pods, spec::ListPods(layout));
  for (const spec::PodId& id : pods) {
    const auto pod = ObservePod(layout, id);
    if (pod.ok() && IsGarbage(*pod, now, grace_period)) {
      garbage.pods.push_back(id);
    }
  }
  RETURN_IF_ERROR(AddUnfinished(layout, now, garbage));
  RETURN_IF_ERROR(AddOrphans(layout, now, garbage));
  return garbage;
}

absl::Status RemoveGarbagePath(const std::string& path) {
  RETURN_IF_ERROR(UnpinNamespace(path + "/netns"));
  RETURN_IF_ERROR(UnpinNamespace(path + "/userns"));
  return base::RemoveTree(path);
}

}  // namespace rkt::pod
