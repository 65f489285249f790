// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_connection.h"

#include <deque>
#include <map>
#include <type_traits>
#include <utility>

#include "absl/strings/cord.h"
#include "base/strings.h"
#include "systemd/bus_pump.h"
#include "systemd/bus_wire.h"
#include "systemd/sdbus.h"

namespace rktlet::systemd {
namespace {

constexpr absl::string_view kReplyLostPayload = "rktlet/bus-reply-lost";

absl::Status ReplyLost(std::string_view why) {
  absl::Status status = absl::UnavailableError(base::ToAbsl(why));
  status.SetPayload(kReplyLostPayload, absl::Cord());
  return status;
}

class SdbusConnection final : public BusConnection {
 public:
  SdbusConnection(std::unique_ptr<sdbus::IConnection> connection, BusCallbacks callbacks)
      : connection_(std::move(connection)), callbacks_(std::move(callbacks)) {}

  ~SdbusConnection() override {
    if (pump_ != nullptr) {
      pump_->Stop();
    }
    *alive_ = false;
  }

  void Match() {
    const std::string from_systemd = base::StrCat("type='signal',sender='", kSystemdService, "',");
    const std::string from_manager =
        base::StrCat(from_systemd, "path='", kManagerPath, "',interface='", kManagerInterface, "',member='");
    Match(base::StrCat(from_systemd, "path_namespace='/org/freedesktop/systemd1/unit',interface='",
                       kPropertiesInterface, "',member='PropertiesChanged'"),
          [this](sdbus::Message& message) { OnPropertiesChanged(message); });
    Match(from_manager + "JobRemoved'", [this](sdbus::Message& message) { OnJobRemoved(message); });
    Match(from_manager + "UnitRemoved'", [this](sdbus::Message& message) { OnUnitRemoved(message); });
    Match(from_manager + "Reloading'", [this](sdbus::Message& message) { OnReloading(message); });
    Match(base::StrCat("type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org."
                       "freedesktop.DBus',member='NameOwnerChanged',arg0='",
                       kSystemdService, "'"),
          [this](sdbus::Message& message) { OnOwnerChanged(message); });
  }

  absl::Status Start(boost::asio::any_io_executor executor) {
    pump_ = std::make_shared<BusPump>(
        std::move(executor), *connection_, [this] { DeliverInbox(); },
        [this](const absl::Status& status) { OnLost(status); });
    return pump_->Start();
  }

  uint64_t Call(const BusCall& call, std::chrono::milliseconds timeout, ReplyCallback callback) override {
    const uint64_t id = ++last_id_;
    PendingCall& pending = calls_[id];
    pending.callback = std::move(callback);
    try {
      pending.proxy =
          sdbus::createProxy(*connection_, bus::ServiceName(call.destination), sdbus::ObjectPath(call.path));
      sdbus::MethodCall message =
          pending.proxy->createMethodCall(bus::InterfaceName(call.interface), bus::MemberName(call.member));
      for (const BusArgument& argument : call.arguments) {
        WriteArgument(message, argument);
      }
      pending.handle = bus::Call(*pending.proxy, message, timeout,
                                 [this, id, shape = call.shape](sdbus::MethodReply& reply, const sdbus::Error* error) {
                                   OnReply(id, shape, reply, error);
                                 });
    } catch (const sdbus::Error& error) {
      Finish(id, StatusOfBusError(error.getName(), error.getMessage()));
      pump_->RequestTurn();
    }
    pump_->Rearm();
    return id;
  }

  void Cancel(uint64_t id) override {
    const auto found = calls_.find(id);
    if (found != calls_.end()) {
      found->second.handle.cancel();
      calls_.erase(found);
    }
    pump_->Rearm();
  }

  void FailCalls(std::string_view why) override {
    const std::shared_ptr<bool> alive = alive_;
    while (*alive && !calls_.empty()) {
      const auto first = calls_.begin();
      const PendingCall call = std::move(first->second);
      calls_.erase(first);
      call.callback(ReplyLost(why));
    }
  }

 private:
  struct PendingCall {
    std::unique_ptr<sdbus::IProxy> proxy;
    sdbus::PendingAsyncCall handle;
    ReplyCallback callback;
  };

  template <typename Handler>
  void Match(const std::string& rule, Handler handler) {
    matches_.push_back(bus::AddMatch(*connection_, rule, [handler](sdbus::Message& message) {
      try {
        handler(message);
      } catch (const sdbus::Error&) {
        // A signal of a shape that systemd does not send: not systemd's, or nothing that can be used.
      }
    }));
  }

  // Everything that code outside is told goes through the inbox, in the order of arrival: it may then send, cancel and
  // drop this connection, which is not possible from inside a callback of sdbus-c++.
  void Finish(uint64_t id, absl::StatusOr<BusReply> result) {
    inbox_.push_back([this, id, result = std::move(result)]() mutable {
      const auto found = calls_.find(id);
      if (found == calls_.end()) {
        return;  // cancelled meanwhile
      }
      const PendingCall call = std::move(found->second);
      calls_.erase(found);
      call.callback(std::move(result));
    });
  }

  void Signal(BusSignal signal) {
    inbox_.push_back([this, signal = std::move(signal)] { callbacks_.on_signal(signal); });
  }

  void DeliverInbox() {
    const std::shared_ptr<bool> alive = alive_;
    while (*alive && !inbox_.empty()) {
      const std::function<void()> item = std::move(inbox_.front());
      inbox_.pop_front();
      item();
    }
  }

  void OnLost(const absl::Status& status) {
    const std::shared_ptr<bool> alive = alive_;
    FailCalls(base::StrCat("the bus connection was lost: ", status.message()));
    if (*alive) {
      const auto on_lost = callbacks_.on_lost;
      on_lost(status);
    }
  }

  void OnReply(uint64_t id, ReplyShape shape, sdbus::MethodReply& reply, const sdbus::Error* error) {
    if (error != nullptr) {
      Finish(id, StatusOfBusError(error->getName(), error->getMessage()));
      return;
    }
    try {
      Finish(id, ReadReply(reply, shape));
    } catch (const sdbus::Error& parse_error) {
      Finish(id, absl::InternalError(base::StrCat("unexpected reply: ", parse_error.getMessage())));
    }
  }

  void OnPropertiesChanged(sdbus::Message& message) {
    BusSignal signal{
        .kind = BusSignal::Kind::kUnitChanged, .sender = bus::SenderOf(message), .path = bus::PathOf(message)};
    if (!callbacks_.wants_unit(signal.path)) {
      return;
    }
    std::string interface;
    message >> interface;
    signal.facts = ReadFacts(message);
    Signal(std::move(signal));
  }

  void OnJobRemoved(sdbus::Message& message) {
    BusSignal signal{.kind = BusSignal::Kind::kJobRemoved, .sender = bus::SenderOf(message)};
    uint32_t id = 0;
    sdbus::ObjectPath job;
    std::string unit;
    message >> id >> job >> unit >> signal.text;
    signal.path = job;
    Signal(std::move(signal));
  }

  void OnUnitRemoved(sdbus::Message& message) {
    BusSignal signal{.kind = BusSignal::Kind::kUnitRemoved, .sender = bus::SenderOf(message)};
    std::string unit;
    sdbus::ObjectPath path;
    message >> unit >> path;
    signal.path = path;
    if (callbacks_.wants_unit(signal.path)) {
      Signal(std::move(signal));
    }
  }

  void OnReloading(sdbus::Message& message) {
    bool begins = false;
    message >> begins;
    if (!begins) {
      Signal({.kind = BusSignal::Kind::kReloaded, .sender = bus::SenderOf(message)});
    }
  }

  void OnOwnerChanged(sdbus::Message& message) {
    BusSignal signal{.kind = BusSignal::Kind::kOwnerChanged, .sender = bus::SenderOf(message)};
    std::string name;
    std::string old_owner;
    message >> name >> old_owner >> signal.text;
    Signal(std::move(signal));
  }

  std::unique_ptr<sdbus::IConnection> connection_;  // outlives what is below
  BusCallbacks callbacks_;
  std::shared_ptr<BusPump> pump_;
  std::vector<sdbus::Slot> matches_;
  std::map<uint64_t, PendingCall> calls_;
  std::deque<std::function<void()>> inbox_;
  uint64_t last_id_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

absl::StatusOr<std::unique_ptr<BusConnection>> BusConnection::Open(boost::asio::any_io_executor executor,
                                                                   const std::string& address,
                                                                   std::chrono::milliseconds timeout,
                                                                   BusCallbacks callbacks) {
  try {
    std::unique_ptr<sdbus::IConnection> connection =
        address.empty() ? sdbus::createSystemBusConnection() : sdbus::createSessionBusConnectionWithAddress(address);
    connection->setMethodCallTimeout(timeout);
    auto opened = std::make_unique<SdbusConnection>(std::move(connection), std::move(callbacks));
    opened->Match();
    RETURN_IF_ERROR(opened->Start(std::move(executor)));
    return opened;
  } catch (const sdbus::Error& error) {
    return absl::UnavailableError(base::StrCat("connecting to the bus: ", error.getMessage()));
  }
}

bool IsReplyLost(const absl::Status& status) { return status.GetPayload(kReplyLostPayload).has_value(); }

absl::Status StatusOfBusError(std::string_view name, std::string_view message) {
  using Code = absl::StatusCode;
  struct Rule {
    std::string_view name;
    Code code;
  };
  static constexpr Rule kRules[] = {
      {"org.freedesktop.systemd1.UnitExists", Code::kAlreadyExists},
      {"org.freedesktop.systemd1.AlreadySubscribed", Code::kAlreadyExists},
      {"org.freedesktop.systemd1.NoSuchUnit", Code::kNotFound},
      {"org.freedesktop.systemd1.NoSuchProcess", Code::kNotFound},
      {"org.freedesktop.systemd1.NoSuchJob", Code::kNotFound},
      {"org.freedesktop.systemd1.BadUnitSetting", Code::kInvalidArgument},
      {"org.freedesktop.systemd1.ShuttingDown", Code::kUnavailable},
      {"org.freedesktop.DBus.Error.UnknownObject", Code::kNotFound},
      {"org.freedesktop.DBus.Error.InvalidArgs", Code::kInvalidArgument},
      {"org.freedesktop.DBus.Error.InvalidSignature", Code::kInvalidArgument},
      {"org.freedesktop.DBus.Error.InconsistentMessage", Code::kInvalidArgument},
      {"org.freedesktop.DBus.Error.PropertyReadOnly", Code::kInvalidArgument},
      {"org.freedesktop.DBus.Error.UnknownProperty", Code::kInvalidArgument},
      {"org.freedesktop.DBus.Error.AccessDenied", Code::kPermissionDenied},
      {"org.freedesktop.DBus.Error.AuthFailed", Code::kPermissionDenied},
      {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Code::kPermissionDenied},
      {"org.freedesktop.DBus.Error.LimitsExceeded", Code::kResourceExhausted},
      {"org.freedesktop.DBus.Error.NoMemory", Code::kResourceExhausted},
      {"org.freedesktop.DBus.Error.NotSupported", Code::kUnimplemented},
      {"org.freedesktop.DBus.Error.UnknownMethod", Code::kUnimplemented},
      {"org.freedesktop.DBus.Error.UnknownInterface", Code::kUnimplemented},
  };
  // NoReply comes from the bus daemon when systemd left it (daemon-reexec) with our call under way.
  static constexpr std::string_view kLost[] = {
      "org.freedesktop.DBus.Error.NoReply",
      "org.freedesktop.DBus.Error.Timeout",
      "org.freedesktop.DBus.Error.TimedOut",
      "org.freedesktop.DBus.Error.Disconnected",
      "org.freedesktop.DBus.Error.NoServer",
      "org.freedesktop.DBus.Error.ServiceUnknown",
      "org.freedesktop.DBus.Error.NameHasNoOwner",
      "System.Error.ECONNRESET",
      "System.Error.ENOTCONN",
      "System.Error.EPIPE",
      "System.Error.ETIMEDOUT",
  };
  const std::string text = message.empty() ? std::string(name) : std::string(message);
  for (const Rule& rule : kRules) {
    if (rule.name == name) {
      return {rule.code, text};
    }
  }
  for (const std::string_view lost : kLost) {
    if (lost == name) {
      return ReplyLost(text);
    }
  }
  if (name.starts_with("org.freedesktop.DBus.Error.Spawn.")) {
    return ReplyLost(text);  // the daemon tried to activate systemd's name while nobody has it
  }
  if (name.starts_with("org.freedesktop.systemd1.")) {
    return {Code::kFailedPrecondition, text};  // masked, conflicting jobs, only by dependency, …
  }
  return {Code::kInternal, base::StrCat(text, " (", name, ")")};
}

}  // namespace rktlet::systemd
