// SPDX-License-Identifier: Apache-2.0
// What a one-time URL stands for, and what the sessions that serve it share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "rktlet/streaming/backend.h"

namespace rktlet::streaming {

struct AttachRequest : StdioRequest {};

struct PortForwardRequest {
  spec::PodId pod;
  std::vector<uint16_t> ports;  // empty: the client names them; else no others are forwarded
};

using Request = std::variant<ExecRequest, AttachRequest, PortForwardRequest>;

// Bounds of what a client can take of us. The daemon sets those that are configured, tests make them small.
struct Limits {
  size_t header_bytes = 16 * 1024;  // of a request
  size_t handshakes = 128;          // connections without a valid token; beyond, the oldest silent one goes
  std::chrono::nanoseconds handshake_time =
      std::chrono::seconds(30);                                // until the token, and until all SPDY streams are there
  size_t connections = 1000;                                   // with a valid token
  std::chrono::nanoseconds idle_time = std::chrono::hours(4);  // without a byte for anyone; 0: forever
  // An exec'd command waits when this much of one of its outputs is on its way.
  size_t exec_buffer = 256 * 1024;
  // A container does not wait: a client with this much on its way that takes no more of it is dropped.
  size_t attach_buffer = 8 * 1024 * 1024;
  size_t total_buffer = 256 * 1024 * 1024;                                 // of all attached clients together
  std::chrono::nanoseconds attach_stall = std::chrono::milliseconds(150);  // how long such a client may take nothing
  // In which such a client takes 64 KiB when it is no burden, though it may be slower than the container; the
  // supervisor wants the same pace. What it takes longer is added up to the patience, which comes back evenly within
  // the window.
  std::chrono::nanoseconds attach_pace = std::chrono::milliseconds(100);
  std::chrono::nanoseconds attach_patience = std::chrono::seconds(2);
  std::chrono::nanoseconds attach_window = std::chrono::seconds(10);
  // After the end of a command: how long its outputs may stay open without a byte (a background process has them).
  std::chrono::nanoseconds drain_time = std::chrono::seconds(1);
  // After the end of a session: how long a client may take nothing of what is left for it.
  std::chrono::nanoseconds finish_time = std::chrono::seconds(30);
  // How long a command with a terminal waits for the client to tell its size, before it runs without.
  std::chrono::nanoseconds size_time = std::chrono::milliseconds(100);
  size_t forwards = 256;         // ports forwarded at a time by one connection
  size_t total_forwards = 4096;  // and by all of them
  // What the buffers of all forwarded ports may have together, beyond the 4 KiB that each has anyhow.
  size_t forward_buffers = 64 * 1024 * 1024;
};

// Of all clients together.
struct Usage {
  size_t buffered = 0;         // bytes that are in memory for attached clients
  size_t forwards = 0;         // ports forwarded at this time
  size_t forward_buffers = 0;  // bytes by which their buffers have grown
};

// Outlives every session.
struct Environment {
  Backend& backend;
  const Limits& limits;  // a reload changes it in place
  Usage usage = {};
};

}  // namespace rktlet::streaming
