// SPDX-License-Identifier: Apache-2.0
// Child processes: Spawn() starts one and hands out its pidfd, RunCommand() runs one to its end with bounded output and
// a deadline. posix_spawn(3), so that a large or threaded parent costs nothing and no code of ours runs in between.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/pid_fd.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace rktlet::base {

struct Command {
  std::string program;                                  // absolute path, or a name looked up in PATH
  std::vector<std::string> args;                        // without argv[0]
  std::string arg0;                                     // argv[0]; empty: the program
  std::optional<std::vector<std::string>> environment;  // "K=V"; the caller's own when absent
  std::string working_directory;                        // empty: the caller's
  std::vector<std::pair<int, int>> fds;                 // borrowed descriptor of ours → its number in the child
  bool new_session = false;                             // setsid(2): the child leads its own session and process group
};

// Starts the command with default signal dispositions and an empty signal mask. stdin, stdout and stderr that `fds`
// does not name are /dev/null. NotFound when there is no such program, PermissionDenied when it cannot be executed.
absl::StatusOr<PidFd> Spawn(const Command& command);

struct RunOptions {
  std::string stdin_data;
  size_t stdout_limit = size_t{16} << 20;  // more is read and dropped; the result says so
  size_t stderr_limit = size_t{64} << 10;
  std::optional<std::chrono::nanoseconds> timeout;  // past it the child's process group is killed
};

struct CommandResult {
  ExitStatus status;
  std::string stdout_data;
  std::string stderr_data;
  bool stdout_truncated = false;
  bool timed_out = false;
};

// Runs the command in a session of its own to its end and reaps it. An error only when it could not be started or
// waited for: a non-zero exit and a timeout are results. Output that grandchildren write after its end is not waited
// for.
absl::StatusOr<CommandResult> RunCommand(Command command, const RunOptions& options = {});

// OK when the command ended with 0, else Internal (DeadlineExceeded after a timeout) with `what` and the tail of
// stderr.
absl::Status CheckResult(const CommandResult& result, std::string_view what);

// A pipe, both ends O_CLOEXEC: {read end, write end}.
absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakePipe();

}  // namespace rktlet::base
