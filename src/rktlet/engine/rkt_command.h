// SPDX-License-Identifier: Apache-2.0
// How the `rkt` command is called and what its end means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/subprocess.h"
#include "rktlet/engine/process.h"
#include "spec/layout.h"

namespace rktlet::engine {

// `program` with the global flags of `layout` and then `args`. The environment is ours without what systemd meant for
// us alone, and asks rkt to say the kind of its error.
base::Command RktCommand(const std::string& program, const std::string& helper, const spec::Layout& layout,
                         const std::vector<std::string>& args);

// OK when the command ended with 0; else the kind of error it told (Internal when it told none, DeadlineExceeded,
// Cancelled) with what it wrote to stderr, of which the end matters most.
absl::Status StatusOfRkt(const ProcessResult& result, std::string_view what);

}  // namespace rktlet::engine
