// SPDX-License-Identifier: Apache-2.0
// What an upgrade request asks for, decided from its texts alone: the path with its token, the ports of a query, and
// the protocol that both sides speak.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rktlet/streaming/remote_command.h"

namespace rktlet::streaming {

enum class Kind { kExec, kAttach, kPortForward };

std::string_view PathOf(Kind kind);  // "exec", "attach", "portforward"

struct Target {
  Kind kind = Kind::kExec;
  std::string token;
  std::string query;  // as it came, without the question mark
};

// "/exec/TOKEN?…", with any prefix before: a proxy may have one. NotFound for all else.
absl::StatusOr<Target> ParseTarget(std::string_view target);

// A channel has one byte, and a port has two channels.
inline constexpr size_t kMaxChannelPorts = 127;

// The ports of `port=80&port=81` and `port=80,81`. InvalidArgument: none, what is none, or more
// than kMaxChannelPorts.
absl::StatusOr<std::vector<uint16_t>> PortsOfQuery(std::string_view query);

// "a, b,c" as clients list what they speak, best first.
std::vector<std::string> SplitList(std::string_view list);

struct WebSocketProtocol {
  enum class Framing { kChannels, kSpdy };

  std::string name;  // to be echoed; empty: the client named none
  Framing framing = Framing::kChannels;
  bool base64 = false;        // messages are text: a digit and base64
  bool close_signal = false;  // 255 and a channel: the client has ended that channel
  StatusForm status = StatusForm::kText;
  std::string tunnelled;  // kSpdy: the protocol inside
};

// The first of `offered` that we speak; nullopt: none. Without an offer it is the oldest form.
std::optional<WebSocketProtocol> ChooseWebSocketProtocol(Kind kind, const std::vector<std::string>& offered);

// The protocols of the X-Stream-Protocol-Version header, ours; and the first of `offered` among them.
const std::vector<std::string>& StreamProtocols(Kind kind);
std::optional<std::string> ChooseStreamProtocol(Kind kind, const std::vector<std::string>& offered);

}  // namespace rktlet::streaming
