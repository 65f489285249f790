// SPDX-License-Identifier: Apache-2.0
// sdbus-c++ as both of its major versions have it: 1.2 (Debian 12) and 2.1 (Debian 13). What they call or type
// differently has one name here; the rest of the folder uses sdbus:: where the two agree.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rktlet::systemd::bus {

using MessageHandler = std::function<void(sdbus::Message&)>;
// The reply, or the error when that is not null.
using ReplyHandler = std::function<void(sdbus::MethodReply&, const sdbus::Error*)>;
using MethodHandler = std::function<void(sdbus::MethodCall&)>;

// When the connection wants to be processed though its descriptor is silent, in microseconds of CLOCK_MONOTONIC; 0 is
// at once.
constexpr uint64_t kNoDeadline = UINT64_MAX;

#if __has_include(<sdbus-c++/VTableItems.h>)

using ServiceName = sdbus::ServiceName;
using InterfaceName = sdbus::InterfaceName;
using MemberName = sdbus::MemberName;
using ErrorName = sdbus::Error::Name;

inline sdbus::Slot AddMatch(sdbus::IConnection& connection, const std::string& rule, MessageHandler handler) {
  return connection.addMatch(
      rule, [handler = std::move(handler)](sdbus::Message message) { handler(message); }, sdbus::return_slot);
}

inline sdbus::PendingAsyncCall Call(sdbus::IProxy& proxy, const sdbus::MethodCall& message,
                                    std::chrono::milliseconds timeout, ReplyHandler handler) {
  return proxy.callMethodAsync(
      message,
      [handler = std::move(handler)](sdbus::MethodReply reply, std::optional<sdbus::Error> error) {
        handler(reply, error.has_value() ? &*error : nullptr);
      },
      timeout);
}

inline bool Process(sdbus::IConnection& connection) { return connection.processPendingEvent(); }

inline uint64_t DeadlineOf(const sdbus::IConnection::PollData& poll) {
  return poll.timeout == std::chrono::microseconds::max() ? kNoDeadline : static_cast<uint64_t>(poll.timeout.count());
}

inline std::string SenderOf(const sdbus::Message& message) {
  const char* sender = message.getSender();
  return sender == nullptr ? "" : sender;
}

inline std::string PathOf(const sdbus::Message& message) {
  const char* path = message.getPath();
  return path == nullptr ? "" : path;
}

// The type at the read position, and the signature of its contents where it is a container.
inline std::pair<std::string, std::string> PeekType(const sdbus::Message& message) {
  const auto [type, contents] = message.peekType();
  return {type == '\0' ? std::string() : std::string(1, type), contents == nullptr ? "" : contents};
}

// The members of an object that this process offers on the bus.
class Members {
 public:
  void AddMethod(const char* interface, const std::string& name, const char* input, const char* output,
                 MethodHandler handler) {
    items_[interface].emplace_back(sdbus::MethodVTableItem{
        .name = sdbus::MethodName(name),
        .inputSignature = sdbus::Signature(input),
        .inputParamNames = {},
        .outputSignature = sdbus::Signature(output),
        .outputParamNames = {},
        .callbackHandler = [handler = std::move(handler)](sdbus::MethodCall call) { handler(call); },
        .flags = {}});
  }
  template <typename Getter>
  void AddProperty(const char* interface, const std::string& name, Getter getter) {
    items_[interface].emplace_back(sdbus::registerProperty(sdbus::PropertyName(name)).withGetter(std::move(getter)));
  }
  void Register(sdbus::IObject& object) && {
    for (auto& [interface, items] : items_) {
      object.addVTable(InterfaceName(interface), std::move(items));
    }
  }

 private:
  std::map<std::string, std::vector<sdbus::VTableItem>> items_;
};

#else

using ServiceName = std::string;
using InterfaceName = std::string;
using MemberName = std::string;
using ErrorName = std::string;

inline sdbus::Slot AddMatch(sdbus::IConnection& connection, const std::string& rule, MessageHandler handler) {
  return connection.addMatch(rule, std::move(handler));
}

inline sdbus::PendingAsyncCall Call(sdbus::IProxy& proxy, const sdbus::MethodCall& message,
                                    std::chrono::milliseconds timeout, ReplyHandler handler) {
  return proxy.callMethod(message, std::move(handler), timeout);
}

inline bool Process(sdbus::IConnection& connection) { return connection.processPendingRequest(); }

inline uint64_t DeadlineOf(const sdbus::IConnection::PollData& poll) { return poll.timeout_usec; }

inline std::string SenderOf(const sdbus::Message& message) { return message.getSender(); }
inline std::string PathOf(const sdbus::Message& message) { return message.getPath(); }

// The type at the read position, and the signature of its contents where it is a container.
inline std::pair<std::string, std::string> PeekType(const sdbus::Message& message) {
  std::pair<std::string, std::string> type;
  message.peekType(type.first, type.second);
  return type;
}

// The members of an object that this process offers on the bus.
class Members {
 public:
  void AddMethod(const char* interface, const std::string& name, const char* input, const char* output,
                 MethodHandler handler) {
    items_.push_back([=](sdbus::IObject& object) {
      object.registerMethod(interface, name, input, output, [handler](sdbus::MethodCall call) { handler(call); });
    });
  }
  template <typename Getter>
  void AddProperty(const char* interface, const std::string& name, Getter getter) {
    items_.push_back(
        [=](sdbus::IObject& object) { object.registerProperty(name).onInterface(interface).withGetter(getter); });
  }
  void Register(sdbus::IObject& object) && {
    for (const auto& add : items_) {
      add(object);
    }
    object.finishRegistration();
  }

 private:
  std::vector<std::function<void(sdbus::IObject&)>> items_;
};

#endif

}  // namespace rktlet::systemd::bus
