// SPDX-License-Identifier: Apache-2.0
// A child process awaited on the loop: bounded output, deadline, a deadline for progress, and an early end. The
// asynchronous sibling of base::RunCommand, with its result type.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/subprocess.h"
#include "rktlet/engine/engine.h"

namespace rktlet::engine {

struct ProcessOptions {
  std::string stdin_data;
  size_t output_limit = size_t{16} << 20;  // of stdout and stderr together; more is read and dropped
  std::chrono::nanoseconds timeout{0};     // 0: none
  // Between SIGTERM, which lets the command clean up, and SIGKILL to its process group.
  std::chrono::nanoseconds kill_grace = std::chrono::seconds(5);
  Cancellation cancellation;
  // Called with each whole line that the command writes to stderr, while it runs; absent: none is cut out.
  std::function<void(std::string_view)> on_stderr_line;
};

struct ProcessResult {
  base::CommandResult command;  // stdout_truncated: of either stream
  bool cancelled = false;
};

// Runs the command in a session of its own to its end and reaps it. An error only when it could not be started: all
// else is a result. Output that grandchildren write after its end is not waited for.
Awaitable<absl::StatusOr<ProcessResult>> RunProcess(base::Command command, ProcessOptions options);

// How many processes of RunProcess have not ended.
size_t RunningProcesses();

}  // namespace rktlet::engine
