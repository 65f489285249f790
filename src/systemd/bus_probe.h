// SPDX-License-Identifier: Apache-2.0
// Asks, without blocking, whether a message bus answers. sdbus-c++ and sd-bus connect synchronously: with a bus daemon
// that accepts and never answers (its socket is systemd's, the daemon hangs) they would stop the event loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "base/status.h"

namespace rktlet::systemd {

// The address that an empty one stands for: $DBUS_SYSTEM_BUS_ADDRESS or the system bus (sd_bus_open_system(3)).
std::string ResolveBusAddress(const std::string& address);

// OK when the daemon at `address` answers the authentication of this process; Unavailable and why otherwise. An address
// that is no unix socket is not probed.
boost::asio::awaitable<absl::Status> ProbeBus(boost::asio::any_io_executor executor, std::string address,
                                              std::chrono::milliseconds timeout);

}  // namespace rktlet::systemd
