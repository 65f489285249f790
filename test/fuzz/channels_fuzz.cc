// SPDX-License-Identifier: Apache-2.0
// What comes after the upgrade: the frames of a WebSocket and the channels in its messages, and SPDY below exec, attach
// and port-forward. The first byte chooses the protocol, the second one the form, the third one the size of pieces.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "spdy_blocks.h"
#include "stream_client.h"

namespace {

using rktlet::base::StrCat;
using rktlet::fuzz::StreamClient;

enum class Kind { kExec, kTerminal, kAttach, kForward };

struct Protocol {
  Kind kind;
  const char* name;
  bool web_socket;
  bool spdy;
};

constexpr Protocol kProtocols[] = {
    {Kind::kExec, "v5.channel.k8s.io", true, false},
    {Kind::kTerminal, "v5.channel.k8s.io", true, false},
    {Kind::kExec, "v4.channel.k8s.io", true, false},
    {Kind::kExec, "", true, false},
    {Kind::kTerminal, "v4.base64.channel.k8s.io", true, false},
    {Kind::kAttach, "v5.channel.k8s.io", true, false},
    {Kind::kAttach, "base64.channel.k8s.io", true, false},
    {Kind::kForward, "v4.channel.k8s.io", true, false},
    {Kind::kForward, "v4.base64.channel.k8s.io", true, false},
    {Kind::kForward, "SPDY/3.1+portforward.k8s.io", true, true},
    {Kind::kExec, "v4.channel.k8s.io", false, true},
    {Kind::kTerminal, "v5.channel.k8s.io", false, true},
    {Kind::kAttach, "channel.k8s.io", false, true},
    {Kind::kForward, "portforward.k8s.io", false, true},
};

std::string Upgrade(const Protocol& protocol, StreamClient& client) {
  std::string path;
  switch (protocol.kind) {
    case Kind::kExec:
      path = "/exec/" + client.ExecToken(false);
      break;
    case Kind::kTerminal:
      path = "/exec/" + client.ExecToken(true);
      break;
    case Kind::kAttach:
      path = "/attach/" + client.AttachToken(false);
      break;
    case Kind::kForward:
      path = "/portforward/" + client.PortForwardToken() + "?port=80,81";
      break;
  }
  const std::string head = StrCat("GET ", path, " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n");
  if (!protocol.web_socket) {
    return StrCat(head, "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ", protocol.name, "\r\n\r\n");
  }
  const std::string name = *protocol.name == '\0' ? "" : StrCat("Sec-WebSocket-Protocol: ", protocol.name, "\r\n");
  return StrCat(head,
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                name, "\r\n");
}

// A frame as a client sends it, with a mask that changes nothing.
void AddFrame(uint8_t first, std::string_view payload, std::string& out) {
  out += static_cast<char>(first);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size());
  }
  out.append(4, '\0');
  out += payload;
}

// `bytes` as frames: of each the first byte, its length, and its payload.
std::string Frames(std::string_view bytes) {
  constexpr uint8_t kRepeat = 0x40;  // its payload many times over; the bit itself is reserved
  std::string out;
  while (bytes.size() >= 2) {
    const auto first = static_cast<uint8_t>(bytes[0]);
    const std::string_view payload = bytes.substr(2, static_cast<uint8_t>(bytes[1]));
    bytes.remove_prefix(2 + payload.size());
    if ((first & kRepeat) == 0) {
      AddFrame(first, payload, out);
      continue;
    }
    std::string many;
    for (int i = 0; i < 100; ++i) {
      many += payload;
    }
    AddFrame(first & ~kRepeat, many, out);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint8_t kRaw = 1;
  constexpr uint8_t kEndFirst = 2;  // the commands end before the client does
  constexpr uint8_t kRefused = 4;   // there is no command, no server
  if (size < 3) {
    return 0;
  }
  const Protocol& protocol = kProtocols[data[0] % std::size(kProtocols)];
  const uint8_t form = data[1];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  std::string input(bytes);
  if ((form & kRaw) == 0) {
    input = protocol.spdy ? rktlet::fuzz::WithCompressedBlocks(bytes) : Frames(bytes);
    if (protocol.spdy && protocol.web_socket) {
      std::string framed;
      for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min<size_t>(rest.size(), 1000))) {
        AddFrame(0x82, rest.substr(0, 1000), framed);
      }
      input = framed;
    }
  }
  StreamClient client;
  if ((form & kRefused) != 0) {
    client.backend().failure = absl::UnavailableError("refused");
  }
  client.Send(Upgrade(protocol, client), 4096);
  rktlet::fuzz::Check(client.answer().starts_with("HTTP/1.1 101 "), "the upgrade is fine");
  client.Send(input, data[2] == 0 ? input.size() + 1 : data[2]);
  if ((form & kEndFirst) != 0) {
    client.EndCommands();
  }
  client.Finish();
  return 0;
}
