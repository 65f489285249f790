// SPDX-License-Identifier: Apache-2.0
// The session of an exec or attach: copies between a client's streams and a process, with backpressure, half-close and
// resize, and tells the client at the end how it went.
#pragma once

#include <memory>
#include <variant>

#include "rktlet/streaming/ending.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/stream.h"

namespace rktlet::streaming {

// Absent ones are null. The status stream is always there.
struct RemoteCommandStreams {
  std::unique_ptr<Stream> input;
  std::unique_ptr<Stream> output;
  std::unique_ptr<Stream> error;
  std::unique_ptr<Stream> status;  // "error" in the protocols' terms
  std::unique_ptr<Stream> resize;
};

// How the status stream speaks: since version 4 of the protocols a metav1.Status with the exit code in every case,
// before a line of text and nothing after a success.
enum class StatusForm { kText, kJson };

using RemoteCommand = std::variant<ExecRequest, AttachRequest>;

// Returns when the process has ended, all of its output and the status have been written and our directions of the
// streams are closed; when the connection is gone; or when `ending` asks for it. What goes wrong is told to the client.
// All streams are destroyed then; the caller says the transport's farewell.
Awaitable<void> ServeRemoteCommand(Environment& environment, Ending& ending, RemoteCommand command,
                                   RemoteCommandStreams streams, StatusForm form, Connection& connection);

}  // namespace rktlet::streaming
