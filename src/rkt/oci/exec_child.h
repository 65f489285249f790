// SPDX-License-Identifier: Apache-2.0
// What runs between fork and exec of `app exec`: async-signal-safe code only, everything is allocated before.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "rkt/oci/oci_runtime.h"

namespace rkt::oci {

// Where the command is put before the runtime runs. On v2 the directory of the group, in which the child is born (no
// migration, which would wait for the kernel's RCU); on v1 the cgroup.procs files.
struct CgroupTarget {
  rktlet::base::UniqueFd directory;           // invalid on v1
  std::vector<rktlet::base::UniqueFd> procs;  // empty on v2
};

// Forks a child that enters the cgroup and becomes the runtime, killed when its parent dies. The error is that of the
// fork; of what comes after it the child says on stderr and exits with 125.
absl::StatusOr<pid_t> SpawnInCgroup(const CgroupTarget& target, const OciRuntime& runtime, char* const* argv,
                                    char* const* envp);

// Forks a process that kills the process behind `pidfd`, and its process group, once the caller has ended without
// having closed the matter: a killed `app exec` must not leave its command behind. Ends with the command. It lives in
// the group `home`, if it can: who kills all of the caller's group, as systemd does with a daemon's, does not kill it.
absl::StatusOr<pid_t> SpawnGuardian(const CgroupTarget& home, int pidfd, pid_t process_group);

}  // namespace rkt::oci
