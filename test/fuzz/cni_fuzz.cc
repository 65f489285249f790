// SPDX-License-Identifier: Apache-2.0
// A network configuration, and what a plugin answers. What is kept of them for later can be read later.
#include <string>

#include "fuzz_input.h"
#include "rkt/net/network_config.h"
#include "rkt/net/result.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rkt::net;
  const std::string text(reinterpret_cast<const char*>(data), size);
  rktlet::fuzz::CheckRoundTrip(text, &ParseNetworkConfig, [](const NetworkConfig& config) { return config.text; });
  rktlet::fuzz::CheckRoundTrip(text, &ParseResult, [](const Result& result) { return result.text; });
  static_cast<void>(ParseError(text));
  return 0;
}
