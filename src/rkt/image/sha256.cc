// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/sha256.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/files.h"

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

absl::StatusOr<std::string> DigestOfFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, rktlet::base::OpenAt(AT_FDCWD, path, O_RDONLY));
  Sha256 hash;
  std::vector<char> buffer(size_t{256} << 10);
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return rktlet::base::ErrnoStatus(errno, "read " + path);
    }
    if (count == 0) {
      return hash.Digest();
    }
    hash.Update(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace rkt::image
