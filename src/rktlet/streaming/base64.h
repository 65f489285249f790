// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, standard alphabet, padded) as the text forms of the channel protocols carry it, decoded in pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rktlet::streaming {

// `prefix` and the encoded bytes.
std::string EncodeBase64(std::string_view prefix, std::string_view bytes);

class Base64Decoder {
 public:
  // Appends what `text` completes. False: it is no base64; nothing of this message is understood any more.
  bool Feed(std::string_view text, std::string& bytes);

 private:
  uint32_t bits_ = 0;
  int count_ = 0;  // characters of a group of four
  int padding_ = 0;
  bool broken_ = false;
};

}  // namespace rktlet::streaming
