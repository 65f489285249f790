// SPDX-License-Identifier: Apache-2.0
// What a container's lines bear in the journal, when it has asked for a copy of its log there.
#pragma once

#include <string>

#include "base/status.h"
#include "spec/records.h"

namespace rkt::oci {

// The fourth string of kStdio (spec/supervisor_protocol.h); "" when no copy is wanted. InvalidArgument when the
// annotation is none.
absl::StatusOr<std::string> JournalDescription(const rktlet::spec::PodSpec& pod,
                                               const rktlet::spec::ContainerSpec& container);

}  // namespace rkt::oci
