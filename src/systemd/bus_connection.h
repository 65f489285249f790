// SPDX-License-Identifier: Apache-2.0
// One bus connection as the manager client needs it: method calls with typed arguments, the signals of systemd, and
// news of its loss. The adapter to sdbus-c++: its types, exceptions and blocking calls do not get past this file.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "systemd/property.h"
#include "systemd/unit_facts.h"

namespace rktlet::systemd {

inline constexpr char kSystemdService[] = "org.freedesktop.systemd1";
inline constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
inline constexpr char kManagerInterface[] = "org.freedesktop.systemd1.Manager";
inline constexpr char kPropertiesInterface[] = "org.freedesktop.DBus.Properties";

struct NoAuxiliaryUnits {};  // the last argument of StartTransientUnit, always empty here
using BusArgument =
    std::variant<std::string, bool, int32_t, std::vector<std::string>, std::vector<Property>, NoAuxiliaryUnits>;

struct BusReply {
  std::string text;                // ReplyShape::kText
  FactMap facts;                   // ReplyShape::kFacts
  std::vector<UnitSummary> units;  // ReplyShape::kUnits
};

enum class ReplyShape {
  kNone,
  kText,   // s or o
  kFacts,  // a{sv}
  kUnits,  // a(ssssssouso)
};

struct BusCall {
  std::string destination = kSystemdService;
  std::string path = kManagerPath;
  std::string interface = kManagerInterface;
  std::string member = {};
  std::vector<BusArgument> arguments = {};
  ReplyShape shape = ReplyShape::kNone;
};

struct BusSignal {
  enum class Kind {
    kUnitChanged,   // path, facts
    kUnitRemoved,   // path
    kJobRemoved,    // path (of the job), text (its result)
    kReloaded,      // a daemon-reload has ended
    kOwnerChanged,  // text: the new owner of systemd's name, "" for none
  };
  Kind kind;
  std::string sender = {};
  std::string path = {};
  std::string text = {};
  FactMap facts = {};
};

struct BusCallbacks {
  // Whether changes of the unit with this object path matter: asked before the message is taken apart.
  std::function<bool(std::string_view path)> wants_unit;
  std::function<void(const BusSignal&)> on_signal;
  std::function<void(absl::Status)> on_lost;
};

class BusConnection {
 public:
  using ReplyCallback = std::function<void(absl::StatusOr<BusReply>)>;

  // Connects, authenticates and installs the matches. Blocks for that long, at most about `timeout` for each of its
  // few calls to the bus daemon: see ProbeBus(). An empty address is the system bus.
  static absl::StatusOr<std::unique_ptr<BusConnection>> Open(boost::asio::any_io_executor executor,
                                                             const std::string& address,
                                                             std::chrono::milliseconds timeout, BusCallbacks callbacks);
  // Drops calls under way without a callback.
  virtual ~BusConnection() = default;

  // Sends the call; `callback` runs later on the loop, once: with the reply, systemd's error as a status that carries
  // its text, or Unavailable when the connection ends. In order with signals.
  virtual uint64_t Call(const BusCall& call, std::chrono::milliseconds timeout, ReplyCallback callback) = 0;

  // The callback of that call will not run.
  virtual void Cancel(uint64_t id) = 0;

  // Every call under way ends now with Unavailable.
  virtual void FailCalls(std::string_view why) = 0;
};

// The status for a D-Bus error name.
absl::Status StatusOfBusError(std::string_view name, std::string_view message);

// Whether such a status means that the manager or the bus went away with the call under way: whether it acted on it is
// not known.
bool IsReplyLost(const absl::Status& status);

}  // namespace rktlet::systemd
