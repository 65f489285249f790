// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/pod_lock.h"

#include <sys/stat.h>

#include <vector>

#include "base/strings.h"

namespace rkt::pod {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::PodId;

absl::Status NoMatch(const std::string& text) {
  return absl::NotFoundError(StrCat("no matches found for \"", text, "\""));
}

}  // namespace

absl::StatusOr<rktlet::base::FileLock> LockPod(const rktlet::spec::Layout& layout, const PodId& pod) {
  auto lock = rktlet::base::FileLock::Exclusive(layout.PodFile(pod, rktlet::spec::kLockFile));
  if (absl::IsNotFound(lock.status())) {
    return NoMatch(pod.str());
  }
  RETURN_IF_ERROR(lock.status());
  struct stat held {};
  struct stat named {};
  if (::fstat(lock->fd(), &held) != 0 || ::stat(layout.PodFile(pod, rktlet::spec::kLockFile).c_str(), &named) != 0 ||
      held.st_ino != named.st_ino) {
    return NoMatch(pod.str());
  }
  return lock;
}

absl::StatusOr<PodId> FindPod(const rktlet::spec::Layout& layout, const std::string& text) {
  if (auto whole = PodId::Parse(text); whole.ok() && rktlet::base::Exists(layout.Pod(*whole))) {
    return whole;
  }
  ASSIGN_OR_RETURN(const std::vector<PodId> pods, rktlet::spec::ListPods(layout));
  std::vector<PodId> matches;
  for (const PodId& pod : pods) {
    if (!text.empty() && pod.str().rfind(text, 0) == 0) {
      matches.push_back(pod);
    }
  }
  if (matches.empty()) {
    return NoMatch(text);
  }
  if (matches.size() > 1) {
    return absl::InvalidArgumentError(
        StrCat("ambiguous pod id \"", text, "\": ", matches.size(), " pods begin with it"));
  }
  return matches[0];
}

}  // namespace rkt::pod
