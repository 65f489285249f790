// SPDX-License-Identifier: Apache-2.0
// Exec, attach and port-forward over the channels of a WebSocket.
#pragma once

#include <memory>
#include <vector>

#include "rktlet/streaming/ending.h"
#include "rktlet/streaming/negotiation.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/web_socket.h"

namespace rktlet::streaming {

// Returns when the connection is closed. `socket` has been accepted. `ports`: of a
// port-forward, at most kMaxChannelPorts.
Awaitable<void> ServeChannels(Environment& environment, Ending& ending, Request request, std::vector<uint16_t> ports,
                              WebSocketProtocol protocol, std::unique_ptr<WebSocket> socket);

}  // namespace rktlet::streaming
