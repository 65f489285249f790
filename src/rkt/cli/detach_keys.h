// SPDX-License-Identifier: Apache-2.0
// The keys that end `rkt attach` and leave the app alone, as Docker's and Podman's do.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace rkt::cli {

inline constexpr char kDefaultDetachKeys[] = "ctrl-p,ctrl-q";

class DetachKeys {
 public:
  // "ctrl-p,ctrl-q": characters, or `ctrl-` and one of a-z @ [ \ ] ^ _; nothing: no keys detach. InvalidArgument for
  // what is no such list.
  static absl::StatusOr<DetachKeys> Parse(std::string_view text);
  DetachKeys() = default;

  // Takes what was typed and appends to `passed` what the app is to have of it: what may become the keys is held back.
  // True: the keys are complete; what came behind them is dropped.
  bool Feed(std::string_view typed, std::string& passed);

 private:
  std::string keys_;
  std::string held_;  // a beginning of `keys_`
};

}  // namespace rkt::cli
