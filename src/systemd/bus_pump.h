// SPDX-License-Identifier: Apache-2.0
// Turns an sdbus-c++ connection on an asio event loop: waits for its descriptor and its timeouts and lets it process.
// Knows nothing of what is said on the bus.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/status.h"

namespace sdbus {
class IConnection;
}

namespace rktlet::systemd {

class BusPump : public std::enable_shared_from_this<BusPump> {
 public:
  // `connection` must outlive Stop(). `on_turn` runs on the loop after each round of processing, outside of any
  // callback of the connection; `on_lost` once, when the connection has ended, after which the pump has stopped.
  BusPump(const boost::asio::any_io_executor& executor, sdbus::IConnection& connection, std::function<void()> on_turn,
          std::function<void(absl::Status)> on_lost);

  absl::Status Start();
  // To be called after something was sent: it may not have fitted into the socket, or carry an earlier timeout.
  void Rearm();
  // A round of processing soon, whether or not the bus has something to say.
  void RequestTurn();
  // Afterwards neither function is called and the connection is not touched.
  void Stop();

 private:
  void Turn();
  void Lost(const absl::Status& status);

  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
  sdbus::IConnection* connection_;
  std::function<void()> on_turn_;
  std::function<void(absl::Status)> on_lost_;
  uint64_t armed_deadline_ = UINT64_MAX;  // microseconds of CLOCK_MONOTONIC; UINT64_MAX is none
  bool reading_ = false;
  bool writing_ = false;
};

}  // namespace rktlet::systemd
