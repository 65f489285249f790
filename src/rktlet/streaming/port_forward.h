// SPDX-License-Identifier: Apache-2.0
// The session of one forwarded connection: a socket inside the pod, and the client's data and error streams.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <set>

#include "rktlet/streaming/abort_timer.h"
#include "rktlet/streaming/cancellation.h"
#include "rktlet/streaming/descriptor.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/stream.h"

namespace rktlet::streaming {

// The sockets of all ports that a client has forwarded. When it has gone, what is on the way into the pod has a moment
// left; a server that does not read must not keep them.
class OpenForwards {
 public:
  OpenForwards(const boost::asio::any_io_executor& executor, const Environment& environment, Connection& connection);
  ~OpenForwards() { connection_.OnClosed(nullptr); }
  OpenForwards(const OpenForwards&) = delete;
  OpenForwards& operator=(const OpenForwards&) = delete;

  void Add(Descriptor& socket);
  void Remove(Descriptor& socket) { sockets_.erase(&socket); }
  Cancellation& connecting() { return connecting_; }

 private:
  Connection& connection_;
  std::set<Descriptor*> sockets_;
  Cancellation connecting_;
  bool closed_ = false;
  AbortTimer end_;
};

// Connects to `port` in the pod and copies both ways until both are closed, half-close included. What goes wrong is
// written to `error` as a sentence. Returns when our directions of both streams are closed, or when the connection is
// gone; the streams are destroyed then.
Awaitable<void> ForwardPort(Environment& environment, PortForwardRequest request, uint16_t port,
                            std::unique_ptr<Stream> data, std::unique_ptr<Stream> error, OpenForwards& open);

}  // namespace rktlet::streaming
