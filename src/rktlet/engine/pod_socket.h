// SPDX-License-Identifier: Apache-2.0
// TCP connections that begin inside a pod's network namespace, for port-forward.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "rktlet/streaming/backend.h"
#include "spec/layout.h"

namespace rktlet::engine {

// A connected non-blocking socket: to 127.0.0.1 as the pod sees it, or to ::1 where that refuses. Unavailable when
// nothing listens there, FailedPrecondition when the pod has no network namespace (any more).
streaming::Awaitable<absl::StatusOr<base::UniqueFd>> ConnectInPod(spec::Layout layout, spec::PodId pod, uint16_t port);

}  // namespace rktlet::engine
