// SPDX-License-Identifier: Apache-2.0
// What the connections of a streaming server share. Owned by the server, used by the coroutines of its connections.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <list>
#include <memory>

#include "rktlet/streaming/certificates.h"
#include "rktlet/streaming/ending.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/socket_stream.h"
#include "rktlet/streaming/tasks.h"
#include "rktlet/streaming/tokens.h"
#include "rktlet/streaming/transport.h"

namespace rktlet::streaming {

struct Client {
  SocketStream socket;
  bool admitted = false;  // it has shown a token
  Ending ending;
  std::chrono::steady_clock::time_point asked_to_end;
};

struct Core {
  Core(boost::asio::any_io_executor loop, Backend& backend, const Limits& limits)
      : executor(std::move(loop)), environment{backend, limits}, tasks(executor) {}

  boost::asio::any_io_executor executor;
  Environment environment;
  Tokens tokens;
  SpdyHandler spdy;                            // empty: SPDY is refused
  std::unique_ptr<Certificates> certificates;  // null: no TLS
  std::list<Client> clients;                   // oldest first
  size_t admitted = 0;
  bool stopping = false;
  Tasks tasks;  // one for each client
};

// From the first byte of a client to its last: TLS, the request, and what it asks for. `client` stays valid until then.
Awaitable<void> ServeClient(Core& core, Client& client);

}  // namespace rktlet::streaming
