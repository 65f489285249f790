// SPDX-License-Identifier: Apache-2.0
// A client's SPDY/3.1 session over a transport: its streams as Streams, the whole as a Connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rktlet/spdy/connection.h"
#include "rktlet/streaming/stream.h"
#include "rktlet/streaming/tasks.h"
#include "rktlet/streaming/transport.h"

namespace rktlet::streaming {

// Lives in one coroutine's frame, like everything that uses it.
class SpdySession final : public Connection {
 public:
  // A stream that the client has opened: nobody has answered it yet. Of its headers those that mean something, at most
  // 128 bytes each.
  struct NewStream {
    spdy::StreamId id = 0;
    std::string type;        // streamtype
    std::string port;        // of port-forward
    std::string request_id;  // of port-forward
  };

  SpdySession(const boost::asio::any_io_executor& executor, std::unique_ptr<Transport> transport,
              const spdy::Limits& limits);
  ~SpdySession() override;

  // Both run until the session is closed, and have returned before it is destroyed.
  Awaitable<void> ReadAll();
  Awaitable<void> WriteAll();

  // The next stream of the client; nothing when the time is over, or the session (closed()). One coroutine at a time.
  Awaitable<std::optional<NewStream>> Accept(std::chrono::steady_clock::time_point deadline);

  // Answers `stream`: it may send from now on. A Stream that is destroyed is reset, unless both its directions have
  // ended.
  std::unique_ptr<Stream> Open(spdy::StreamId stream);
  void Refuse(spdy::StreamId stream);
  // From now on for all that nobody has opened.
  void RefuseNewStreams();

  // GOAWAY, then all that is still to be sent, then the transport's farewell. `time` bounds how long the client may
  // take for that.
  Awaitable<void> Close(std::chrono::nanoseconds time);

  bool closed() const { return closed_; }
  void OnClosed(std::function<void()> action) override;
  void Abort() override;

 private:
  struct Inbound;
  class SpdyStream;

  Awaitable<void> Feed(std::string_view bytes);
  void Handle(const spdy::Event& event);
  void Welcome(const spdy::Event& event);
  void ConsumeAll(Inbound& inbound);
  void WakeWriters();
  void Closed();

  const boost::asio::any_io_executor executor_;
  const std::unique_ptr<Transport> transport_;
  spdy::Connection connection_;
  std::map<spdy::StreamId, std::shared_ptr<Inbound>> inbound_;
  std::deque<NewStream> arrived_;  // all of them open, so no more than max_streams
  std::deque<Signal*> waiting_;    // writers, who get their turns in order
  Signal arrival_;
  Signal output_;
  Signal input_wanted_;
  Signal written_;
  std::function<void()> on_closed_;
  bool refusing_ = false;  // new streams
  bool writing_ = true;    // WriteAll runs
  bool closing_ = false;   // what comes in is dropped, and what there is to be sent is the last
  bool leaving_ = false;   // the transport says its farewell, and reads for it itself
  bool closed_ = false;    // the client has gone, or broke the protocol
};

}  // namespace rktlet::streaming
