// SPDX-License-Identifier: Apache-2.0
// Nobody stays frozen: a process of its own that thaws containers when whoever froze them has ended, by a signal too,
// and everybody who works on them for him.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::oci {

class ThawGuard {
 public:
  // To be started before anything is frozen. `directories`: of the groups.
  static absl::StatusOr<ThawGuard> Start(const std::vector<std::string>& directories);
  ThawGuard(ThawGuard&& other) noexcept;
  ThawGuard& operator=(ThawGuard&&) = delete;
  // Thaws what is still frozen, once nobody has the lifeline.
  ~ThawGuard();

  // To be inherited by those who must end before the thaw.
  int lifeline_fd() const { return lifeline_.get(); }

 private:
  ThawGuard() = default;

  rktlet::base::UniqueFd lifeline_;
  pid_t child_ = -1;
};

}  // namespace rkt::oci
