// SPDX-License-Identifier: Apache-2.0
// A WebSocket (RFC 6455) on the server's side, over Boost.Beast: messages are read in pieces, so that a long one needs
// no more memory than a short one.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "rktlet/streaming/socket_stream.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {

using HttpRequest = boost::beast::http::request<boost::beast::http::empty_body>;

// Whether it asks for a WebSocket as RFC 6455 wants it.
bool IsWebSocketUpgrade(const HttpRequest& request);

class WebSocket {
 public:
  struct Piece {
    size_t size = 0;
    bool first = false;  // it begins a message
    bool last = false;   // it ends a message
  };

  WebSocket(SocketStream socket, bool text);
  ~WebSocket();

  // Answers the upgrade. An empty subprotocol is not named.
  Awaitable<absl::Status> Accept(const HttpRequest& request, std::string subprotocol);

  // The next piece of a message; a size of 0 at the end of an empty one. OutOfRange when the client has closed the
  // connection in order, Unavailable when it is gone.
  Awaitable<absl::StatusOr<Piece>> Read(std::span<char> buffer);

  // One message of two parts, as fast as the client takes it. Any number of coroutines may write: they take turns.
  Awaitable<absl::Status> Write(std::string_view head, std::string_view body);

  // The closing handshake: what was written is sent, then "normal closure". Bounded in time.
  Awaitable<void> Close();
  void Abort();

  void Touch();
  bool PeerHasLeft() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rktlet::streaming
