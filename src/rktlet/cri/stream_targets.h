// SPDX-License-Identifier: Apache-2.0
// What Exec and Attach have in common: the checks of the streams that are asked for, and the container behind an id.
#pragma once

#include <string>

#include "base/status.h"
#include "rktlet/cri/context.h"
#include "rktlet/streaming/backend.h"

namespace rktlet::cri {

struct StreamFlags {
  bool tty = false;
  bool input = false;
  bool output = false;
  bool error = false;
};

// The request for the stdio of a running container. InvalidArgument: no stream at all, or stderr besides a terminal;
// FailedPrecondition: it does not run. It is bound to the container, whatever the id was a prefix of.
absl::StatusOr<streaming::StdioRequest> StdioOf(const pods::ContainerView& view, const StreamFlags& flags);

}  // namespace rktlet::cri
