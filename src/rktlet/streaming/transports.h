// SPDX-License-Identifier: Apache-2.0
// The two transports of SPDY: a socket, and the binary messages of a WebSocket.
#pragma once

#include <memory>

#include "rktlet/streaming/socket_stream.h"
#include "rktlet/streaming/transport.h"
#include "rktlet/streaming/web_socket.h"

namespace rktlet::streaming {

std::unique_ptr<Transport> TransportOver(SocketStream socket);
// Boundaries of messages mean nothing; each Write is a message.
std::unique_ptr<Transport> TransportOver(std::unique_ptr<WebSocket> socket);

// The end of a connection that the client is to see in full: our direction is shut down, what it still sends is read
// and dropped until it closes, for a moment at most.
Awaitable<void> Linger(SocketStream socket);

}  // namespace rktlet::streaming
