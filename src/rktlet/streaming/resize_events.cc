// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/resize_events.h"

#include <strings.h>

#include <nlohmann/json.hpp>

namespace rktlet::streaming {
namespace {

using nlohmann::json;

constexpr size_t kMaxObject = 512;

// Go's decoder, for which clients write, does not care about the case of keys.
std::optional<uint16_t> Field(const json& object, const char* name) {
  for (const auto& [key, value] : object.items()) {
    if (::strcasecmp(key.c_str(), name) == 0) {
      if (!value.is_number_unsigned() || value.get<uint64_t>() > UINT16_MAX) {
        return std::nullopt;
      }
      return value.get<uint16_t>();
    }
  }
  return 0;
}

std::optional<TerminalSize> Parse(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return std::nullopt;
  }
  const auto columns = Field(object, "width");
  const auto rows = Field(object, "height");
  if (!columns.has_value() || !rows.has_value()) {
    return std::nullopt;
  }
  return TerminalSize{*columns, *rows};
}

}  // namespace

std::optional<TerminalSize> ResizeEvents::Feed(std::string_view bytes) {
  std::optional<TerminalSize> last;
  while (!broken_ && !bytes.empty()) {
    // Objects without objects inside: the first brace ends one.
    const size_t end = bytes.find('}');
    partial_ += bytes.substr(0, end == std::string_view::npos ? end : end + 1);
    if (partial_.size() > kMaxObject) {
      broken_ = true;
    } else if (end == std::string_view::npos) {
      break;
    } else if (const auto size = Parse(partial_); size.has_value()) {
      last = size;
      partial_.clear();
      bytes.remove_prefix(end + 1);
    } else {
      broken_ = true;
    }
  }
  if (broken_) {
    partial_.clear();
  }
  return last;
}

}  // namespace rktlet::streaming
