// SPDX-License-Identifier: Apache-2.0
// Serves a connection that was upgraded to SPDY/3.1: exec, attach or port-forward, by Kubernetes' use of its streams.
#pragma once

#include "rktlet/streaming/transport.h"

namespace rktlet::streaming {

// A SpdyHandler.
Awaitable<void> ServeSpdy(SpdyUpgrade upgrade);

}  // namespace rktlet::streaming
