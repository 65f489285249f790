// SPDX-License-Identifier: Apache-2.0
// The resize stream: a sequence of JSON objects {"Width":80,"Height":24}, cut anywhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rktlet/streaming/backend.h"

namespace rktlet::streaming {

class ResizeEvents {
 public:
  // The last size that was completed by `bytes`: only that one counts. After what is no such sequence nothing is
  // understood any more.
  std::optional<TerminalSize> Feed(std::string_view bytes);
  bool broken() const { return broken_; }

 private:
  std::string partial_;
  bool broken_ = false;
};

}  // namespace rktlet::streaming
