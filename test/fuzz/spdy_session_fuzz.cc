// SPDX-License-Identifier: Apache-2.0
// The bytes of a SPDY client, whose first tells in what pieces the rest comes. A block of headers is hard to hit by
// chance, so a second session gets the same bytes with every block compressed anew.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "rktlet/spdy/connection.h"
#include "spdy_blocks.h"

namespace {

using namespace rktlet::spdy;

void Check(bool good) {
  if (!good) {
    std::abort();
  }
}

constexpr Limits kLimits{.max_streams = 8, .max_headers = 16, .max_output = 4096, .max_unconsumed = 8192};

// What a session's user does.
void React(Connection& server, const Event& event) {
  switch (event.kind) {
    case Event::Kind::kStream:
      if (event.stream % 7 == 0) {
        server.Reset(event.stream, ResetStatus::kRefusedStream);
      } else {
        server.Reply(event.stream);
      }
      break;
    case Event::Kind::kData:
      server.Write(event.stream, event.data);
      if (event.stream % 3 != 0) {
        server.Consumed(event.stream, event.data.size());
      }
      if (event.end) {
        server.End(event.stream);
      }
      break;
    default:
      break;
  }
}

void RunSession(std::string_view bytes, size_t piece) {
  Connection server(Role::kServer, kLimits);
  while (!bytes.empty() && server.WantsInput()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (const auto event = server.Next(&input)) {
      React(server, *event);
      Check(server.open_streams() <= kLimits.max_streams);
    }
    Check(input.empty());
    if (server.Output().size() > 3000) {
      server.Sent(server.Output().size() / 2);
    }
  }
  Check(server.Output().size() < (128 << 10) + piece * 16);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const size_t piece = data[0] == 0 ? size : data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  RunSession(bytes, piece);
  RunSession(rktlet::fuzz::WithCompressedBlocks(bytes), piece);
  return 0;
}
