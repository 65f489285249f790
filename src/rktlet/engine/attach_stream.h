// SPDX-License-Identifier: Apache-2.0
// The stdio of a running container whose streams a client wants: descriptors from the pod's supervisor, for as long as
// the connection to it stands.
#pragma once

#include <memory>

#include "rktlet/streaming/backend.h"
#include "spec/layout.h"

namespace rktlet::engine {

// FailedPrecondition when the container does not run (any more), Unavailable when its pod has ended. Wait() of what it
// gives: 0 at the container's end, DeadlineExceeded when the output was not read fast enough.
streaming::Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> AttachStream(spec::Layout layout,
                                                                                       streaming::StdioRequest request);

}  // namespace rktlet::engine
