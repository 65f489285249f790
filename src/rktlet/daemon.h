// SPDX-License-Identifier: Apache-2.0
// The daemon's parts, how they are wired, and its life: recovery, READY, reload, the watchdog, the end.
#pragma once

#include <memory>

#include "base/status.h"
#include "rktlet/arguments.h"

namespace rktlet {

class Daemon {
 public:
  explicit Daemon(Arguments arguments);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Runs until SIGTERM or SIGINT. An error when it could not start.
  absl::Status Run();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rktlet
