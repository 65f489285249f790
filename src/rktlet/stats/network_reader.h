// SPDX-License-Identifier: Apache-2.0
// The counters of a pod's network interfaces, from the net/dev of its supervisor, which lives in the pod's network
// namespace: no thread has to enter that. The descriptor of its directory in /proc belongs to that very process, so a
// number that is used again for another one cannot deceive.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "rktlet/stats/counters.h"

namespace rktlet::stats {

class NetworkReader {
 public:
  explicit NetworkReader(std::string proc) : proc_(std::move(proc)) {}

  // Without the loopback interface. NotFound when the process has ended.
  absl::StatusOr<std::vector<InterfaceCounters>> Read(pid_t supervisor);

 private:
  std::string proc_;
  pid_t pid_ = 0;
  base::UniqueFd directory_;
};

}  // namespace rktlet::stats
