// SPDX-License-Identifier: Apache-2.0
// The Manager that speaks to systemd over one persistent bus connection on the caller's event loop: no thread, no
// polling, no blocking call once connected. It reconnects by itself and subscribes again.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "systemd/freezer.h"
#include "systemd/manager.h"

namespace rktlet::systemd {

class BusCore;

struct BusOptions {
  // D-Bus address such as "unix:path=/run/dbus/system_bus_socket"; empty: $DBUS_SYSTEM_BUS_ADDRESS, else the system
  // bus.
  std::string address;
  // First and longest pause between attempts to connect; doubled at each failure.
  std::chrono::milliseconds reconnect_first = std::chrono::milliseconds(50);
  std::chrono::milliseconds reconnect_max = std::chrono::seconds(5);
  // How long the bus may take for authentication and the set-up calls of an attempt.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
};

class BusManager final : public Manager, public Freezer {
 public:
  using Manager::awaitable;

  // `executor` is that of the loop's io_context, run by one thread. The first attempt to connect starts when the loop
  // turns.
  explicit BusManager(boost::asio::any_io_executor executor, BusOptions options = {});
  // Calls under way return Unavailable.
  ~BusManager() override;
  BusManager(const BusManager&) = delete;
  BusManager& operator=(const BusManager&) = delete;

  // Returns when connected, or Unavailable with the reason of the last failed attempt.
  awaitable<absl::Status> WaitConnected(milliseconds timeout = kDefaultCallTimeout);

  // Called at each change of connection_status().
  void SetStatusCallback(std::function<void(const absl::Status&)> callback);

  awaitable<absl::Status> StartTransientUnit(TransientUnit unit, milliseconds timeout) override;
  awaitable<absl::Status> StopUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::Status> KillUnit(UnitName unit, KillWho who, int signal, milliseconds timeout) override;
  awaitable<absl::Status> FreezeUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::Status> ThawUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::Status> SetUnitProperties(UnitName unit, std::vector<Property> properties,
                                            milliseconds timeout) override;
  awaitable<absl::Status> ResetFailedUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::StatusOr<UnitFacts>> GetUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::StatusOr<std::vector<UnitSummary>>> ListUnits(std::vector<std::string> patterns,
                                                                milliseconds timeout) override;
  absl::Status connection_status() const override;
  const ManagerInfo& info() const override;
  void SetSignalListener(SignalListener* listener) override;

 private:
  std::shared_ptr<BusCore> core_;  // coroutines under way hold it too
};

}  // namespace rktlet::systemd
