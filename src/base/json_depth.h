// SPDX-License-Identifier: Apache-2.0
// A bound for documents of strangers: what copies and prints JSON goes a level of the stack deeper with each level of
// the document.
#pragma once

#include <string_view>

#include "base/status.h"

namespace rktlet::base {

inline constexpr int kMaxJsonDepth = 200;

// InvalidArgument when lists and objects of the text are nested deeper. Looks at no more of it than brackets and
// strings.
absl::Status CheckJsonDepth(std::string_view text);

}  // namespace rktlet::base
