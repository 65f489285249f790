// SPDX-License-Identifier: Apache-2.0
// What processes have open, and their limits, from /proc. Costs a system call for each open file.
#pragma once

#include <string>
#include <vector>

#include "rktlet/stats/counters.h"

namespace rktlet::stats {

struct OpenFiles {
  uint64_t descriptors = 0;
  uint64_t sockets = 0;
};

// Of all the processes together; one that has ended has none.
OpenFiles CountOpenFiles(const std::string& proc, const std::vector<int>& processes);

// Soft limit of open files; absent when unlimited or the process has ended.
Counter OpenFilesLimit(const std::string& proc, int process);

}  // namespace rktlet::stats
