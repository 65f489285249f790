// SPDX-License-Identifier: Apache-2.0
// A command in a container whose stdio a client streams: `rkt app exec` with pipes, or with a terminal whose master it
// hands over.
#pragma once

#include <memory>
#include <string>

#include "rktlet/streaming/backend.h"
#include "spec/layout.h"

namespace rktlet::engine {

// Starts the command. With a terminal it waits for that, and a command that cannot be run is an error at once; without
// one, the error comes from Wait(): NotFound, PermissionDenied, or Internal with rkt's reason.
streaming::Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> StartExecStream(
    std::string rkt, std::string helper, spec::Layout layout, streaming::ExecRequest request);

// How many commands of streams have not ended.
size_t RunningExecStreams();

}  // namespace rktlet::engine
