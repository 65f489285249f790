// SPDX-License-Identifier: Apache-2.0
// The hooks of a container that are not the OCI runtime's to run, because nobody calls its `start` and `delete` here:
// poststart, when the gate is open, and poststop, when all of the container has ended. Each has a unit around it that
// bounds its time.
#pragma once

#include <string>

#include "base/status.h"
#include "spec/layout.h"
#include "spec/records.h"

namespace rkt::oci {

enum class HookStep { kPoststart, kPoststop };

// The container's state as a hook reads it on its stdin (OCI runtime specification, "State"). `pid` 0: there is none.
std::string StateForHooks(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                          const rktlet::spec::ContainerRecord& container, HookStep step, int pid);

// Runs them one after the other, in the container's directory. The first poststart hook that fails is the end and the
// error; of poststop all run, and the error tells of the first that failed.
absl::Status RunHooks(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                      const rktlet::spec::AppName& app, HookStep step);

}  // namespace rkt::oci
