// SPDX-License-Identifier: Apache-2.0
// SHA-256 and the digests that images are named by. nettle, because libarchive brings it along already.
#pragma once

#include <nettle/sha2.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace rkt::image {

class Sha256 {
 public:
  Sha256() { ::nettle_sha256_init(&state_); }
  void Update(const void* data, size_t size) {
    ::nettle_sha256_update(&state_, size, static_cast<const uint8_t*>(data));
  }
  // "sha256:" and 64 hex digits; starts anew.
  std::string Digest();

 private:
  sha256_ctx state_{};
};

std::string DigestOf(std::string_view data);
absl::StatusOr<std::string> DigestOfFile(const std::string& path);

// The 64 hex digits of a digest that was validated before.
inline std::string_view HexOf(std::string_view digest) { return digest.substr(digest.find(':') + 1); }

}  // namespace rkt::image
