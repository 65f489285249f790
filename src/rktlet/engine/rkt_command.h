// SPDX-License-Identifier: Apache-2.0
// How the `rkt` command is called and what its end means.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/subprocess.h"
#include "base/unique_fd.h"
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

// A pipe for `rkt app exec --report-fd`: {read end, non-blocking, write end}. rkt kills the command when the read end
// is gone.
absl::StatusOr<std::pair<base::UniqueFd, base::UniqueFd>> MakeReportPipe();

// OK when the command was run: nothing was reported. Else why not, as rkt, which has ended, has said in the pipe. What
// the command writes itself, to stderr or wherever, is never looked at.
absl::Status StatusOfReport(const base::UniqueFd& report);

}  // namespace rktlet::engine
