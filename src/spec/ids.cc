// SPDX-License-Identifier: Apache-2.0
#include "spec/ids.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/strings.h"

namespace rktlet::spec {
namespace {

constexpr size_t kHexLength = 64;
constexpr size_t kUuidLength = 36;
constexpr size_t kMaxAppName = 64;

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool IsId(std::string_view text) {
  if (text.size() == kHexLength) {
    for (const char c : text) {
      if (!IsHexDigit(c)) {
        return false;
      }
    }
    return true;
  }
  if (text.size() != kUuidLength) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !IsHexDigit(text[i])) {
      return false;
    }
  }
  return true;
}

std::string RandomHex(size_t bytes) {
  std::array<uint8_t, kHexLength / 2> random{};
  if (::getrandom(random.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    std::abort();  // up to 256 bytes of a seeded pool never fail (getrandom(2))
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text += kDigits[random[i] >> 4];
    text += kDigits[random[i] & 15];
  }
  return text;
}

std::string RandomUuid() {
  std::string hex = RandomHex(16);
  hex[12] = '4';  // version and variant of RFC 4122
  hex[16] = "89ab"[static_cast<unsigned>(hex[16]) % 4];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

absl::Status NoId(std::string_view text, const char* what) {
  return absl::InvalidArgumentError(
      base::StrCat(what, " id \"", text.substr(0, 100), "\" is neither 64 lower-case hex digits nor a UUID"));
}

}  // namespace

absl::StatusOr<PodId> PodId::Parse(std::string_view text) {
  if (!IsId(text)) {
    return NoId(text, "pod");
  }
  return PodId(std::string(text));
}
PodId PodId::MakeHex() { return PodId(RandomHex(kHexLength / 2)); }
PodId PodId::MakeUuid() { return PodId(RandomUuid()); }

absl::StatusOr<ContainerId> ContainerId::Parse(std::string_view text) {
  if (!IsId(text)) {
    return NoId(text, "container");
  }
  return ContainerId(std::string(text));
}
ContainerId ContainerId::MakeHex() { return ContainerId(RandomHex(kHexLength / 2)); }

absl::StatusOr<AppName> AppName::Parse(std::string_view text) {
  bool wrong = text.empty() || text.size() > kMaxAppName || text.front() == '-' || text.back() == '-';
  char previous = 0;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    wrong = wrong || !(letter || (c == '-' && previous != '-'));
    previous = c;
  }
  if (wrong) {
    return absl::InvalidArgumentError(base::StrCat("app name \"", text.substr(0, 100),
                                                   "\" must be lower-case letters, digits and single dashes between "
                                                   "them, at most ",
                                                   kMaxAppName, " bytes"));
  }
  return AppName(std::string(text));
}

}  // namespace rktlet::spec
