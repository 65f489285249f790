// SPDX-License-Identifier: Apache-2.0
// Two directory trees compared as file systems: names, types, modes, owners, link counts, targets, devices, extended
// attributes and content. For finding out what a power loss has done to an unpacked layer.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::image {

// What is different in `actual` (a directory) from `expected`, "usr/bin/x: …" each, at most `limit` of them. Nothing is
// followed out of the trees.
absl::StatusOr<std::vector<std::string>> CompareTrees(int expected_fd, int actual_fd, size_t limit);

}  // namespace rkt::image
