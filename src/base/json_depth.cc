// SPDX-License-Identifier: Apache-2.0
#include "base/json_depth.h"

#include "base/strings.h"

namespace rktlet::base {

absl::Status CheckJsonDepth(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char character = text[i];
    if (in_string) {
      if (character == '\\') {
        ++i;
      } else if (character == '"') {
        in_string = false;
      }
    } else if (character == '"') {
      in_string = true;
    } else if (character == '[' || character == '{') {
      if (++depth > kMaxJsonDepth) {
        return absl::InvalidArgumentError(StrCat("lists and objects are nested more than ", kMaxJsonDepth, " deep"));
      }
    } else if (character == ']' || character == '}') {
      --depth;
    }
  }
  return absl::OkStatus();
}

}  // namespace rktlet::base
