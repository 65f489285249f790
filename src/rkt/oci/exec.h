// SPDX-License-Identifier: Apache-2.0
// `app exec`: a command in a running container, in its cgroup, namespaces, capabilities and seccomp filter. On the way
// of every probe: no bus, no file on disk, few processes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::oci {

inline constexpr int kExecTimedOut = 124;
inline constexpr int kExecNotStarted = 125;
inline constexpr int kExecNotExecutable = 126;
inline constexpr int kExecNotFound = 127;

struct ExecOptions {
  std::vector<std::string> command;
  std::string user;  // "user[:group]", names as in the container's own files; empty: the container's
  std::vector<std::string> environment;  // "K=V", on top of the container's
  std::string working_directory;         // empty: the container's
  bool tty = false;
  // A connected stream socket that gets the master of the command's terminal (SCM_RIGHTS); -1: rkt copies between it
  // and its own stdin and stdout.
  int console_fd = -1;
  // Of the terminal with `console_fd`; zeros: unknown. Else it is that of the caller's own terminal.
  uint16_t columns = 0;
  uint16_t rows = 0;
  // A pipe whose reader is the caller: when that is gone, the command is killed. -1: none.
  int lifeline_fd = -1;
  std::optional<std::chrono::nanoseconds> timeout;  // past it the command is killed
};

struct ExecResult {
  int code = 0;           // the command's; 128+n for a signal; 124…127 with `reason`
  std::string reason;     // why it was not started or was ended by us; empty: it ran to its end
  bool reported = false;  // crun has written the reason to stderr already
};

// Runs the command with the caller's stdin, stdout and stderr, or with a terminal. SIGTERM, SIGINT and SIGHUP to the
// caller, and its death, kill the command and its process group. To be called once in a process that does nothing else:
// it blocks signals and becomes a subreaper.
ExecResult ExecInContainer(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                           const rktlet::spec::AppName& app, const ExecOptions& options);

// The process document for crun: that of the container's config.json with the options applied. `config` is its text.
absl::StatusOr<std::string> BuildExecProcess(const std::string& config, const ExecOptions& options,
                                             const std::string& container_root);

}  // namespace rkt::oci
