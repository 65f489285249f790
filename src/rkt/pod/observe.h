// SPDX-License-Identifier: Apache-2.0
// What state a pod is in, derived from facts: its files, this boot, and whether its supervisor answers.
//
//   preparing ──► prepared ──supervisor answers──► running ──► exited        (unknown: its files cannot be read)
//       └─ interrupted ─► aborted prepare
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "rkt/pod/app_state.h"
#include "spec/layout.h"

namespace rkt::pod {

struct PodView {
  rktlet::spec::PodId id;
  std::string state;                            // as `rkt list` prints it
  std::optional<rktlet::spec::PodState> files;  // nullopt when unknown
  absl::Status problem;                         // why it is unknown
  int pid = 0;                                  // of the supervisor, while running
  int64_t started_at = 0;                       // ns since the epoch; 0: not running
  int64_t exited_at = 0;
};

// NotFound when there is no such pod; a pod with damaged files is a view with a problem.
absl::StatusOr<PodView> ObservePod(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

// Whether the pod's supervisor is there. One that does not answer, as it is stopped or stuck, is.
bool PodRuns(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

// The supervisor's process as its pid file says, 0 when it does not.
int SupervisorPid(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

}  // namespace rkt::pod
