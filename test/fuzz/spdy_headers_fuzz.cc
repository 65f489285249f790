// SPDX-License-Identifier: Apache-2.0
// A block of SPDY headers: as it is inflated, and as it comes. What is read is the same when it is written and read
// again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rktlet/spdy/header_block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rktlet::spdy;
  constexpr size_t kMaxBlock = 4096;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeaderDecompressor decompressor(kMaxBlock);
  const auto block = decompressor.Decompress(bytes);
  if (block.ok() && block->size() > kMaxBlock) {
    std::abort();
  }
  for (const std::string_view text : {bytes, block.ok() ? *block : std::string_view()}) {
    const auto headers = ParseHeaders(text, 16);
    if (headers.ok() && FormatHeaders(*headers) != text) {
      std::abort();
    }
  }
  return 0;
}
