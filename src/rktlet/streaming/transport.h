// SPDX-License-Identifier: Apache-2.0
// A bare connection after its upgrade, and the seam for protocols that bring their own framing: SPDY/3.1, straight on
// the socket (TLS or not) or tunnelled in a WebSocket's binary messages.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "rktlet/streaming/ending.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/stream.h"

namespace rktlet::streaming {

// Bytes both ways. One coroutine at a time reads, another one writes.
class Transport {
 public:
  virtual ~Transport() = default;

  // As Stream::Read and Stream::Write.
  virtual Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) = 0;
  virtual Awaitable<absl::Status> Write(std::string_view data) = 0;

  // What has been written is sent, then the connection is shut down in order: a close handshake of WebSocket or TLS,
  // within a bound. No other operation may be pending but a Read, which returns 0 or an error.
  virtual Awaitable<void> Close() = 0;

  // Closes at once; pending operations fail.
  virtual void Abort() = 0;

  // Bytes of a user have moved: the idle time starts anew. (Pings and window updates do not count.)
  virtual void Touch() = 0;

  // Whether the client has gone, be there bytes to read or not: for whoever does not read because too much waits.
  virtual bool PeerHasLeft() const { return false; }
};

// A connection that was upgraded to SPDY/3.1. The answer to the upgrade has been sent.
struct SpdyUpgrade {
  Environment& environment;
  Ending& ending;
  std::unique_ptr<Transport> transport;  // what came behind the request is read first
  std::string protocol;  // negotiated: "v4.channel.k8s.io", …, "channel.k8s.io", or "portforward.k8s.io"
  Request request;
};

// Serves it to its end. When the server aborts the connection (idle, stalled, shutdown) the transport's operations
// fail.
using SpdyHandler = std::function<Awaitable<void>(SpdyUpgrade upgrade)>;

}  // namespace rktlet::streaming
