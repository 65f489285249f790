// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/update_pod.h"

#include "base/files.h"
#include "base/strings.h"
#include "rkt/pod/pod_lock.h"

namespace rkt::pod {

absl::StatusOr<rktlet::spec::PodRecord> UpdatePodRecord(const rktlet::spec::Layout& layout,
                                                        const rktlet::spec::PodId& pod,
                                                        const rktlet::spec::PodResources& resources) {
  RETURN_IF_ERROR(rktlet::spec::Validate(resources));
  ASSIGN_OR_RETURN(rktlet::base::FileLock lock, LockPod(layout, pod));
  ASSIGN_OR_RETURN(rktlet::spec::PodState state, rktlet::spec::ReadPod(layout, pod));
  if (state.stopped || state.exit.has_value()) {
    return absl::FailedPreconditionError(rktlet::base::StrCat("pod ", pod.str(), " was stopped"));
  }
  rktlet::spec::PodSpec& spec = state.record.spec;
  const rktlet::spec::PodResources merged = rktlet::spec::Merge({spec.overhead, spec.resources}, resources);
  spec.overhead = merged.overhead;
  spec.resources = merged.resources;
  RETURN_IF_ERROR(
      rktlet::base::WriteFileAtomic(layout.PodFile(pod, rktlet::spec::kPodFile), rktlet::spec::ToJson(state.record)));
  return state.record;
}

}  // namespace rkt::pod
