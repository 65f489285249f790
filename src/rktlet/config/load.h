// SPDX-License-Identifier: Apache-2.0
// From files to a Config: the same way for the start, --check-config and a reload.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rktlet/config/config.h"

namespace rktlet::config {

inline constexpr char kDefaultPath[] = "/etc/rktlet/rktlet.yaml";

// What Validate finds: the key and a sentence.
struct Problem {
  std::string key;  // "images.pull_timeout"
  std::string text;
};

// Reads `path` and then the files of `path`.d that end in .yaml, in the order of their names; a later value of a key
// replaces an earlier one. InvalidArgument lists every problem, one a line, as "file:line: key: what is wrong".
// An absent file is an empty one, unless `must_exist`.
absl::StatusOr<Config> Load(const std::string& path, bool must_exist);

// The rules that hold whatever the values came from: every problem, not only the first.
std::vector<Problem> Validate(const Config& config);

}  // namespace rktlet::config
