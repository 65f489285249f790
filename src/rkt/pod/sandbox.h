// SPDX-License-Identifier: Apache-2.0
// `rkt app sandbox --here`: what stands in a pod unit's ExecStart. It joins and makes the pod's namespaces and becomes
// the pod supervisor.
#pragma once

#include <string>

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::pod {

// Does not return when all goes well: the process is the supervisor then (`helper` is the path of rkt-helper). With a
// PID namespace of the pod's own the supervisor is a new process, the first of it, and this one ends after it has told
// systemd. Takes no lock: it runs inside the unit.
absl::Status BecomeSupervisor(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                              const std::string& helper);

}  // namespace rkt::pod
