// SPDX-License-Identifier: Apache-2.0
// The streaming server: hands out one-time URLs for exec, attach and port-forward, and serves those who come with one.
// Everything runs on the daemon's loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "base/status.h"
#include "rktlet/streaming/backend.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/spdy_serve.h"
#include "rktlet/streaming/transport.h"

namespace rktlet::streaming {

class Server {
 public:
  struct Options {
    std::string address = "127.0.0.1:0";
    std::string url;          // how clients reach it; empty: by its address
    std::string certificate;  // PEM files; both empty: no TLS
    std::string key;
    SpdyHandler spdy = ServeSpdy;  // empty: SPDY is refused
  };

  // Listens from now on. `backend` and `limits` outlive it; `limits` may change in place.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const boost::asio::any_io_executor& executor, Backend& backend,
                                                       const Limits& limits, Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The URL by which a client gets what is asked for, once, within a minute. ResourceExhausted: too many are unused.
  absl::StatusOr<std::string> UrlFor(Request request);

  // Takes no more clients; those with a stream may go on for `grace`, then they are cut off, and with them what
  // they still wait for. Afterwards nothing runs; a process that is killed for that has some seconds to end.
  boost::asio::awaitable<void> Stop(std::chrono::nanoseconds grace);

  const std::string& url() const;
  size_t clients() const;   // connections, with a stream or not yet
  size_t buffered() const;  // bytes that wait for attached clients

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace rktlet::streaming
