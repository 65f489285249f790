// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/base64.h"

#include <array>

namespace rktlet::streaming {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}();

}  // namespace

std::string EncodeBase64(std::string_view prefix, std::string_view bytes) {
  std::string text;
  text.reserve(prefix.size() + (bytes.size() + 2) / 3 * 4);
  text = prefix;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const auto at = [&](size_t offset) {
      return offset < left ? uint32_t{static_cast<uint8_t>(bytes[i + offset])} : uint32_t{0};
    };
    const uint32_t bits = at(0) << 16 | at(1) << 8 | at(2);
    text += kAlphabet[bits >> 18 & 63];
    text += kAlphabet[bits >> 12 & 63];
    text += left > 1 ? kAlphabet[bits >> 6 & 63] : '=';
    text += left > 2 ? kAlphabet[bits & 63] : '=';
  }
  return text;
}

bool Base64Decoder::Feed(std::string_view text, std::string& bytes) {
  for (const char c : text) {
    if (c == '\r' || c == '\n') {
      continue;
    }
    const int8_t value = kValues[static_cast<uint8_t>(c)];
    const bool pad = c == '=' && count_ >= 2;
    if (broken_ || (value < 0 && !pad) || (value >= 0 && padding_ > 0)) {
      broken_ = true;
      return false;
    }
    padding_ += pad ? 1 : 0;
    bits_ = bits_ << 6 | (pad ? 0 : static_cast<uint32_t>(value));
    if (++count_ == 4) {
      for (int i = 0; i < 3 - padding_; ++i) {
        bytes += static_cast<char>(bits_ >> (16 - 8 * i) & 0xff);
      }
      count_ = 0;
      broken_ = padding_ > 0;  // it ends a message
    }
  }
  return true;
}

}  // namespace rktlet::streaming
