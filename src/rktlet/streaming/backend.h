// SPDX-License-Identifier: Apache-2.0
// What streams are connected to: the stdio of a command or of a container, and sockets inside a pod. The streaming
// server knows no more of pods than this; a fake stands in its tests. Loop thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "spec/ids.h"

namespace rktlet::streaming {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;

struct TerminalSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
  bool operator==(const TerminalSize&) const = default;
};

// What a client is connected to: the stdio of a command, or of a container. Destroying it detaches; a command that
// still runs is killed then (nothing waits for it).
class Process {
 public:
  virtual ~Process() = default;

  // Non-blocking; invalid: there is none. With a terminal input and output are two descriptors of the master, error is
  // invalid. The server takes them out; flags that matter to the other side are not changed.
  base::UniqueFd input;   // write end: closing it is the end of file (of a terminal: nothing)
  base::UniqueFd output;  // read end
  base::UniqueFd error;   // read end

  // Of the terminal. FailedPrecondition when there is none.
  virtual absl::Status Resize(uint16_t columns, uint16_t rows) = 0;

  // Exec: the command's exit code (128+n for a signal) when it has ended, or the status of why it could not run.
  // Attach: 0 when the container has ended. To be awaited once. The object may be destroyed meanwhile: then it returns
  // Cancelled, soon.
  virtual Awaitable<absl::StatusOr<int>> Wait() = 0;
};

// Which container, and which of its streams are wanted.
struct StdioRequest {
  spec::PodId pod;
  spec::AppName app;
  bool tty = false;
  bool input = false;
  bool output = false;
  bool error = false;
};

struct ExecRequest : StdioRequest {
  std::vector<std::string> command;
  // What the command finds when it looks first; nothing: the client has not said it in time.
  std::optional<TerminalSize> size = {};
};

// Each call may be cancelled through Asio (terminal): its pending wait fails, the next one throws, and it ends soon.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Exec(ExecRequest request) = 0;
  virtual Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Attach(StdioRequest request) = 0;

  // A connected non-blocking TCP socket made inside the pod's network namespace (127.0.0.1, then ::1). Unavailable when
  // refused.
  virtual Awaitable<absl::StatusOr<base::UniqueFd>> Connect(spec::PodId pod, uint16_t port) = 0;
};

}  // namespace rktlet::streaming
