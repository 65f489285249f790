// SPDX-License-Identifier: Apache-2.0
// systemd's manager as rktlet and rkt use it. An interface: BusManager speaks to PID 1, FakeManager is for tests.
//
// Everything runs on the one event loop thread. Every wait ends at its timeout with DeadlineExceeded, and with
// Unavailable when the bus or the manager is lost and does not come back in time. A call whose coroutine is cancelled
// (asio cancellation slot) returns Cancelled; what it asked systemd for goes on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "systemd/property.h"
#include "systemd/transient_unit.h"
#include "systemd/unit_facts.h"
#include "systemd/unit_name.h"

namespace rktlet::systemd {

inline constexpr std::chrono::milliseconds kDefaultCallTimeout = std::chrono::seconds(10);
inline constexpr std::chrono::milliseconds kDefaultJobTimeout = std::chrono::seconds(90);

enum class KillWho { kMain, kControl, kAll };

std::string_view ToString(KillWho who);  // "main", "control", "all"

// About the manager itself, read at each connect.
struct ManagerInfo {
  std::string version;   // "252.39-1~deb12u2"
  std::string features;  // "+PAM +AUDIT …"
};

// Hears what the manager reports about units, in the order in which systemd said it.
class SignalListener {
 public:
  // A cheap look at an object path before the message is taken apart.
  virtual bool Wants(std::string_view object_path) const = 0;
  // Properties of a unit changed; only those named here.
  virtual void OnPropertiesChanged(std::string_view object_path, const FactMap& properties) = 0;
  // The unit was unloaded, or is about to be loaded again by a daemon-reload.
  virtual void OnUnitRemoved(std::string_view object_path) = 0;
  // The connection is up (again) or the manager was replaced or has reloaded: signals may have been missed.
  virtual void OnResync() = 0;

 protected:
  ~SignalListener() = default;
};

class Manager {
 public:
  template <typename T>
  using awaitable = boost::asio::awaitable<T>;
  using milliseconds = std::chrono::milliseconds;

  virtual ~Manager() = default;

  // Creates and starts the unit, and waits for the job. OK: systemd calls it started (for Type=forking and notify that
  // is what they mean). InvalidArgument: the builder's error, or a property that systemd refuses; AlreadyExists: a unit
  // of that name is loaded. A job that failed is Internal (DeadlineExceeded when systemd's own timeout hit, Aborted
  // when it was cancelled, FailedPrecondition when a dependency failed), says why, and JobResultOf() has the result;
  // the unit then stays loaded as failed until ResetFailedUnit().
  virtual awaitable<absl::Status> StartTransientUnit(TransientUnit unit, milliseconds timeout = kDefaultJobTimeout) = 0;

  // Stops the unit and waits until it has stopped. OK when there is no such unit.
  virtual awaitable<absl::Status> StopUnit(UnitName unit, milliseconds timeout = kDefaultJobTimeout) = 0;

  // NotFound: no such unit, or it has no such process.
  virtual awaitable<absl::Status> KillUnit(UnitName unit, KillWho who, int signal,
                                           milliseconds timeout = kDefaultCallTimeout) = 0;

  // Changes properties of a loaded unit until it is unloaded (the runtime form: no file outlives a reboot).
  virtual awaitable<absl::Status> SetUnitProperties(UnitName unit, std::vector<Property> properties,
                                                    milliseconds timeout = kDefaultCallTimeout) = 0;

  // Forgets that the unit failed, so that systemd unloads it. OK when it is not loaded.
  virtual awaitable<absl::Status> ResetFailedUnit(UnitName unit, milliseconds timeout = kDefaultCallTimeout) = 0;

  // NotFound when the unit is not loaded.
  virtual awaitable<absl::StatusOr<UnitFacts>> GetUnit(UnitName unit, milliseconds timeout = kDefaultCallTimeout) = 0;

  // The loaded units whose name matches one of the glob patterns; all of them for an empty list.
  virtual awaitable<absl::StatusOr<std::vector<UnitSummary>>> ListUnits(std::vector<std::string> patterns,
                                                                        milliseconds timeout = kDefaultCallTimeout) = 0;

  // OK while the bus is connected, systemd is on it, and its signals are subscribed to; else Unavailable and why.
  virtual absl::Status connection_status() const = 0;
  bool connected() const { return connection_status().ok(); }

  // As of the last connect; empty before the first.
  virtual const ManagerInfo& info() const = 0;

  // One listener at a time; nullptr ends it. It must outlive its registration.
  virtual void SetSignalListener(SignalListener* listener) = 0;
};

// The status of a job that did not end with "done"; `facts` (nullptr when the unit is gone) say why. `verb` is "start"
// or "stop".
absl::Status JobFailure(std::string_view verb, const UnitName& unit, std::string_view job_result,
                        const UnitFacts* facts);

// systemd's result of the job behind such a status ("failed", "timeout", "dependency", …), "" for any other status.
std::string JobResultOf(const absl::Status& status);

}  // namespace rktlet::systemd
