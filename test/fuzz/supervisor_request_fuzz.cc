// SPDX-License-Identifier: Apache-2.0
// A packet to a pod's supervisor, as whoever has its socket may send it. The strings of a request lie in the packet.
#include <cstring>
#include <string>

#include "fuzz_input.h"
#include "rkt/stage1/request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const char* packet = reinterpret_cast<const char*>(data);
  rkt::stage1::Request request;
  if (!rkt::stage1::ParseRequest(packet, size, &request)) {
    return 0;
  }
  for (const char* text : request.strings) {
    rktlet::fuzz::Check(text == nullptr || (text >= packet && text + std::strlen(text) < packet + size),
                        "a string lies in the packet");
  }
  return 0;
}
