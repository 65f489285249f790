// SPDX-License-Identifier: Apache-2.0
// Talks to a pod's supervisor (spec/supervisor_protocol.h). Asynchronous for the daemon, and blocking for commands.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "spec/ids.h"
#include "spec/supervisor_protocol.h"

namespace rktlet::unit {

struct SupervisorReply {
  uint64_t value = 0;
  std::string text;
  std::vector<base::UniqueFd> fds;
};

// One request and its reply over a connection of its own. Unavailable when no supervisor listens (the pod has ended),
// DeadlineExceeded, else the status of the errno it answered, with its text.
absl::StatusOr<SupervisorReply> CallSupervisor(const std::string& socket_path, spec::supervisor::Operation operation,
                                               uint32_t flags, const std::vector<std::string>& strings,
                                               std::chrono::milliseconds timeout = std::chrono::seconds(5));

// The same without blocking the thread.
boost::asio::awaitable<absl::StatusOr<SupervisorReply>> AsyncCallSupervisor(
    std::string socket_path, spec::supervisor::Operation operation, uint32_t flags, std::vector<std::string> strings,
    std::chrono::milliseconds timeout = std::chrono::seconds(5));

// A request whose connection stays open after the reply (kAttach).
struct SupervisorConnection {
  base::UniqueFd fd;  // non-blocking
  SupervisorReply reply;
};
absl::StatusOr<SupervisorConnection> OpenSupervisor(const std::string& socket_path,
                                                    spec::supervisor::Operation operation, uint32_t flags,
                                                    const std::vector<std::string>& strings,
                                                    std::chrono::milliseconds timeout = std::chrono::seconds(5));
boost::asio::awaitable<absl::StatusOr<SupervisorConnection>> AsyncOpenSupervisor(
    std::string socket_path, spec::supervisor::Operation operation, uint32_t flags, std::vector<std::string> strings,
    std::chrono::milliseconds timeout = std::chrono::seconds(5));

// The next packet on such a connection, which is readable: a reply, or the status of its error. Unavailable when the
// supervisor is gone.
absl::StatusOr<SupervisorReply> ReceiveFromSupervisor(int fd, const std::string& socket_path);

}  // namespace rktlet::unit
