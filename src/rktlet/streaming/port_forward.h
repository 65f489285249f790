// SPDX-License-Identifier: Apache-2.0
// The session of one forwarded connection: a socket inside the pod, and the client's data and error streams.
#pragma once

#include <cstdint>
#include <memory>

#include "rktlet/streaming/request.h"
#include "rktlet/streaming/stream.h"

namespace rktlet::streaming {

// Connects to `port` in the pod and copies both ways until both are closed, half-close included. What goes wrong is
// written to `error` as a sentence. Returns when our directions of both streams are closed, or when the connection is
// gone; the streams are destroyed then.
Awaitable<void> ForwardPort(Environment& environment, PortForwardRequest request, uint16_t port,
                            std::unique_ptr<Stream> data, std::unique_ptr<Stream> error);

}  // namespace rktlet::streaming
