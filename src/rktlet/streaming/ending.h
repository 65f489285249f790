// SPDX-License-Identifier: Apache-2.0
// The server's wish that a client's command ends, and what the client is told of it: the server stops, or nothing has
// moved for too long. A client that is only cut off may take that for a success (SPDY: the end of the error stream).
// Loop thread only.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/status.h"

namespace rktlet::streaming {

class Ending {
 public:
  // Tells whoever listens, once. False when nobody does: there is nobody to say it to the client.
  bool Ask(absl::Status why) {
    if (why_.has_value()) {
      return true;
    }
    if (action_ == nullptr) {
      return false;
    }
    why_ = std::move(why);
    action_();
    return true;
  }

  // What was asked for; nullopt as long as nothing was.
  const std::optional<absl::Status>& why() const { return why_; }

  // `action` runs when it is asked for; nullptr takes it back.
  void Listen(std::function<void()> action) { action_ = std::move(action); }

 private:
  std::function<void()> action_;
  std::optional<absl::Status> why_;
};

}  // namespace rktlet::streaming
