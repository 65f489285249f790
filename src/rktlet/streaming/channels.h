// SPDX-License-Identifier: Apache-2.0
// The channels of channel.k8s.io: every WebSocket message begins with the number of its channel. One coroutine reads
// the socket for all of them, so a channel that is not read holds back the others, as the protocol has no other means.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "rktlet/streaming/base64.h"
#include "rktlet/streaming/negotiation.h"
#include "rktlet/streaming/stream.h"
#include "rktlet/streaming/tasks.h"
#include "rktlet/streaming/web_socket.h"

namespace rktlet::streaming {

class Channels final : public Connection {
 public:
  // Channels 0 to `count`-1; messages for others are ignored, and so is what comes for those that are not read.
  Channels(const boost::asio::any_io_executor& executor, std::unique_ptr<WebSocket> socket, WebSocketProtocol protocol,
           uint8_t count);

  // The stream of a channel, which must not outlive this object. `read`: whether the client's bytes are wanted.
  std::unique_ptr<Stream> Open(uint8_t channel, bool read);

  // Reads until the connection is closed by either side.
  Awaitable<void> Run();

  Awaitable<absl::Status> Write(uint8_t channel, std::string_view data);
  // The closing handshake.
  Awaitable<void> Close();

  void OnClosed(std::function<void()> action) override;
  void Abort() override;

 private:
  // What comes in on a channel.
  struct Inbound {
    explicit Inbound(const boost::asio::any_io_executor& executor) : arrived(executor) {}
    bool read = false;
    bool ended = false;           // by the client
    bool cancelled = false;       // by us
    std::span<const char> bytes;  // arrived and not yet read; in the buffer of Run
    Signal arrived;
  };
  class ChannelStream;

  Awaitable<absl::Status> HandlePiece(std::span<const char> bytes, bool first, bool last);
  absl::Status HandleCloseSignal(std::span<const char> bytes, bool last);
  Awaitable<void> Deliver(Inbound& channel, std::span<const char> bytes);
  void Closed();

  std::unique_ptr<WebSocket> socket_;
  const WebSocketProtocol protocol_;
  std::vector<std::unique_ptr<Inbound>> inbound_;
  Signal taken_;
  std::function<void()> on_closed_;
  bool closed_ = false;
  // Of the message that is being read.
  int channel_ = 0;
  int signal_bytes_ = 0;
  uint8_t signalled_ = 0;
  Base64Decoder decoder_;
};

}  // namespace rktlet::streaming
