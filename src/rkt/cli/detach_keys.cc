// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/detach_keys.h"

#include "base/strings.h"

namespace rkt::cli {
namespace {

constexpr std::string_view kControl = "ctrl-";

absl::StatusOr<char> ParseKey(std::string_view key) {
  if (key.size() == 1 && key[0] > ' ' && key[0] < 0x7f) {
    return key[0];
  }
  if (key.size() == kControl.size() + 1 && key.substr(0, kControl.size()) == kControl) {
    const char letter = key.back();
    if (letter >= 'a' && letter <= 'z') {
      return static_cast<char>(letter - 'a' + 1);
    }
    if (letter == '@' || (letter >= '[' && letter <= '_')) {
      return static_cast<char>(letter - '@');
    }
  }
  return absl::InvalidArgumentError(
      rktlet::base::StrCat("\"", key, "\" is no key: a character, or ctrl- and one of a-z @ [ \\ ] ^ _"));
}

}  // namespace

absl::StatusOr<DetachKeys> DetachKeys::Parse(std::string_view text) {
  DetachKeys keys;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    ASSIGN_OR_RETURN(const char key, ParseKey(text.substr(0, comma)));
    keys.keys_ += key;
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
    if (text.empty()) {
      return absl::InvalidArgumentError("a list of keys ends with a comma");
    }
  }
  return keys;
}

bool DetachKeys::Feed(std::string_view typed, std::string& passed) {
  if (keys_.empty()) {
    passed += typed;
    return false;
  }
  for (const char byte : typed) {
    held_ += byte;
    if (held_ == keys_) {
      return true;
    }
    while (!std::string_view(keys_).starts_with(held_)) {
      passed += held_.front();
      held_.erase(0, 1);
    }
  }
  return false;
}

}  // namespace rkt::cli
