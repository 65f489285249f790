// SPDX-License-Identifier: Apache-2.0
// Copies between our stdio and a container's streams, or its terminal, for as long as the supervisor keeps us attached.
#pragma once

#include <csignal>
#include <string>
#include <string_view>

#include "base/status.h"
#include "rkt/cli/detach_keys.h"
#include "unit/supervisor_client.h"

namespace rkt::cli {

class AttachSession {
 public:
  // `connection`: of kAttach, with its reply. `keys` are looked for where our terminal is in raw mode. From now on
  // SIGWINCH is blocked and SIGPIPE ignored.
  AttachSession(rktlet::unit::SupervisorConnection connection, std::string socket_path, DetachKeys keys = {});

  // Returns when the container has ended or let us go, with what the supervisor said, or (OK) when `stop_fd`, unless it
  // is -1, can be read. Our terminal is in raw mode meanwhile where the container has one.
  absl::Status Run(int stop_fd = -1);
  // Whether the keys were what ended it.
  bool detached() const { return detached_; }

 private:
  void Resize() const;
  static void Copy(rktlet::base::UniqueFd& from, int to);
  void TakeInput();
  void Pass(std::string_view bytes);

  rktlet::unit::SupervisorConnection connection_;
  std::string socket_path_;
  rktlet::base::UniqueFd master_;
  rktlet::base::UniqueFd input_;
  rktlet::base::UniqueFd output_;
  rktlet::base::UniqueFd error_;
  rktlet::base::UniqueFd signals_;
  DetachKeys keys_;
  bool raw_ = false;
  bool detached_ = false;
  bool ended_ = false;
  absl::Status status_;
};

}  // namespace rkt::cli
