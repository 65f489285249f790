// SPDX-License-Identifier: Apache-2.0
// Archives are written by tar(1), which knows sparse files, extended attributes and every kind of node.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::checkpoint {

using Deadline = std::chrono::steady_clock::time_point;

// What is left until then, at least a millisecond. DeadlineExceeded when nothing is.
absl::StatusOr<std::chrono::nanoseconds> TimeLeft(Deadline deadline);

// Writes the files `names`, relative to `directory`, to `archive_fd`, the content of directories only where the names
// have it.
absl::Status WriteTar(const std::string& directory, const std::vector<std::string>& names, int archive_fd,
                      Deadline deadline);

}  // namespace rkt::checkpoint
