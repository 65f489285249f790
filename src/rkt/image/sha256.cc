// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/sha256.h"

#include <array>

namespace rkt::image {

std::string Sha256::Digest() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<uint8_t, SHA256_DIGEST_SIZE> bytes{};
  ::nettle_sha256_digest(&state_, bytes.size(), bytes.data());
  std::string text = "sha256:";
  for (const uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string DigestOf(std::string_view data) {
  Sha256 hash;
  hash.Update(data.data(), data.size());
  return hash.Digest();
}

}  // namespace rkt::image
