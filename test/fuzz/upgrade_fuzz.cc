// SPDX-License-Identifier: Apache-2.0
// The request for a stream: HTTP, its upgrade to a WebSocket or to SPDY, and what follows it. The first byte tells in
// what pieces the rest comes, in which {exec}, {terminal}, {attach} and {forward} stand for tokens that are good.
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_replace.h"
#include "stream_client.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rktlet::fuzz::Check;
  if (size == 0) {
    return 0;
  }
  rktlet::fuzz::StreamClient client;
  const std::string bytes = absl::StrReplaceAll(std::string(reinterpret_cast<const char*>(data) + 1, size - 1),
                                                {{"{exec}", client.ExecToken(false)},
                                                 {"{terminal}", client.ExecToken(true)},
                                                 {"{attach}", client.AttachToken(false)},
                                                 {"{forward}", client.PortForwardToken()}});
  client.Send(bytes, data[0] == 0 ? bytes.size() + 1 : data[0]);
  const std::string_view answer = client.answer();
  if (!answer.empty()) {
    Check(answer.starts_with("HTTP/1."), "the answer is HTTP");
    Check(answer.substr(9, 3) == "101" || answer[9] == '4', "it is an upgrade, or the client's fault");
  }
  client.EndCommands();
  client.Finish();
  return 0;
}
