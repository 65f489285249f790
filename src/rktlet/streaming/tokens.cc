// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/tokens.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

namespace rktlet::streaming {
namespace {

constexpr size_t kBytes = 24;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

absl::StatusOr<std::string> MakeToken() {
  std::array<uint8_t, kBytes> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return base::ErrnoStatus(errno, "get random bytes");
  }
  std::string token;
  for (size_t i = 0; i < random.size(); i += 3) {
    const uint32_t bits = uint32_t{random[i]} << 16 | uint32_t{random[i + 1]} << 8 | random[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) {
      token += kAlphabet[bits >> shift & 63];
    }
  }
  return token;
}

}  // namespace

absl::StatusOr<std::string> Tokens::Insert(Request request) {
  DropExpired();
  if (requests_.size() >= kMax) {
    return absl::ResourceExhaustedError("too many streams were asked for whose URLs have not been used yet");
  }
  ASSIGN_OR_RETURN(std::string token, MakeToken());
  requests_.emplace(token, std::move(request));
  expiries_.emplace_back(clock_() + kLifetime, token);
  return token;
}

std::optional<Request> Tokens::Consume(const std::string& token) {
  DropExpired();
  auto found = requests_.extract(token);
  if (found.empty()) {
    return std::nullopt;
  }
  return std::move(found.mapped());
}

void Tokens::DropExpired() {
  const auto now = clock_();
  // Used ones stay in the queue until their time: no more than are made in a minute.
  while (!expiries_.empty() && (expiries_.front().first <= now || !requests_.contains(expiries_.front().second))) {
    requests_.erase(expiries_.front().second);
    expiries_.pop_front();
  }
}

}  // namespace rktlet::streaming
