// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/negotiation.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_replace.h"
#include "base/strings.h"

namespace rktlet::streaming {
namespace {

using base::StrCat;

constexpr std::string_view kTunnel = "SPDY/3.1+";
constexpr std::string_view kPortForwardProtocol = "portforward.k8s.io";

constexpr Kind kKinds[] = {Kind::kExec, Kind::kAttach, Kind::kPortForward};

absl::StatusOr<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return absl::InvalidArgumentError(StrCat("\"", text, "\" is no port"));
  }
  return port;
}

absl::Status AddPorts(std::string_view list, std::vector<uint16_t>& ports) {
  while (true) {
    const size_t comma = list.find(',');
    ASSIGN_OR_RETURN(const uint16_t port, ParsePort(list.substr(0, comma)));
    ports.push_back(port);
    if (ports.size() > kMaxChannelPorts) {
      return absl::InvalidArgumentError(StrCat("more than ", kMaxChannelPorts, " ports"));
    }
    if (comma == std::string_view::npos) {
      return absl::OkStatus();
    }
    list.remove_prefix(comma + 1);
  }
}

std::optional<WebSocketProtocol> RemoteCommandProtocol(const std::string& name) {
  WebSocketProtocol protocol{.name = name};
  const bool versioned = name.size() > 3 && name[0] == 'v' && name[1] >= '2' && name[1] <= '5' && name[2] == '.';
  const int version = versioned ? name[1] - '0' : 1;
  const std::string_view form = versioned ? std::string_view(name).substr(3) : std::string_view(name);
  if (form != "channel.k8s.io" && form != "base64.channel.k8s.io") {
    return std::nullopt;
  }
  protocol.base64 = form != "channel.k8s.io";
  protocol.close_signal = version >= 5;
  protocol.status = version >= 4 ? StatusForm::kJson : StatusForm::kText;
  return protocol;
}

std::optional<WebSocketProtocol> PortForwardProtocol(const std::string& name) {
  if (name == StrCat(kTunnel, kPortForwardProtocol)) {
    return WebSocketProtocol{
        .name = name, .framing = WebSocketProtocol::Framing::kSpdy, .tunnelled = std::string(kPortForwardProtocol)};
  }
  if (name == "v4.channel.k8s.io" || name == "v4.base64.channel.k8s.io") {
    return WebSocketProtocol{.name = name, .base64 = name != "v4.channel.k8s.io"};
  }
  return std::nullopt;
}

}  // namespace

std::string_view PathOf(Kind kind) {
  switch (kind) {
    case Kind::kExec:
      return "exec";
    case Kind::kAttach:
      return "attach";
    case Kind::kPortForward:
      break;
  }
  return "portforward";
}

absl::StatusOr<Target> ParseTarget(std::string_view target) {
  const size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  const size_t slash = path.rfind('/');
  if (slash != std::string_view::npos && slash > 0) {
    const std::string_view token = path.substr(slash + 1);
    path = path.substr(0, slash);
    const size_t before = path.rfind('/');
    for (const Kind kind : kKinds) {
      if (before != std::string_view::npos && path.substr(before + 1) == PathOf(kind) && !token.empty()) {
        const std::string_view query = question == std::string_view::npos ? "" : target.substr(question + 1);
        return Target{kind, std::string(token), std::string(query)};
      }
    }
  }
  return absl::NotFoundError("no such page");
}

absl::StatusOr<std::vector<uint16_t>> PortsOfQuery(std::string_view query) {
  constexpr std::string_view kKey = "port=";
  std::vector<uint16_t> ports;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (pair.substr(0, kKey.size()) == kKey) {
      // The comma of a list may come escaped.
      const std::string escaped(pair.substr(kKey.size()));
      const std::string list = absl::StrReplaceAll(escaped, {{"%2C", ","}, {"%2c", ","}});
      RETURN_IF_ERROR(AddPorts(list, ports));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  if (ports.empty()) {
    return absl::InvalidArgumentError("query parameter \"port\" is required");
  }
  return ports;
}

std::vector<std::string> SplitList(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) {
      item.remove_prefix(1);
    }
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) {
      item.remove_suffix(1);
    }
    if (!item.empty()) {
      items.emplace_back(item);
    }
  }
  return items;
}

std::optional<WebSocketProtocol> ChooseWebSocketProtocol(Kind kind, const std::vector<std::string>& offered) {
  if (offered.empty()) {
    return WebSocketProtocol{};
  }
  for (const std::string& name : offered) {
    auto protocol = kind == Kind::kPortForward ? PortForwardProtocol(name) : RemoteCommandProtocol(name);
    if (protocol.has_value()) {
      return protocol;
    }
  }
  return std::nullopt;
}

const std::vector<std::string>& StreamProtocols(Kind kind) {
  static const std::vector<std::string> remote_command = {"v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io",
                                                          "v2.channel.k8s.io", "channel.k8s.io"};
  static const std::vector<std::string> port_forward = {std::string(kPortForwardProtocol)};
  return kind == Kind::kPortForward ? port_forward : remote_command;
}

std::optional<std::string> ChooseStreamProtocol(Kind kind, const std::vector<std::string>& offered) {
  const std::vector<std::string>& ours = StreamProtocols(kind);
  for (const std::string& name : offered) {
    if (std::find(ours.begin(), ours.end(), name) != ours.end()) {
      return name;
    }
  }
  return std::nullopt;
}

}  // namespace rktlet::streaming
