// SPDX-License-Identifier: Apache-2.0
// exec and attach over SPDY: the client opens a stream for each of error, stdin, stdout, stderr and resize, named by
// its header "streamtype".
#pragma once

#include <string>

#include "rktlet/streaming/remote_command.h"
#include "rktlet/streaming/spdy_session.h"

namespace rktlet::streaming {

// `protocol` is the negotiated one: v5 to v1 of channel.k8s.io. Since v4 the error stream carries a JSON status, since
// v3 there is a resize stream. A client that does not open its streams in time is told so, where it can be.
Awaitable<void> ServeSpdyRemoteCommand(Environment& environment, Ending& ending, RemoteCommand command,
                                       std::string protocol, SpdySession& session);

}  // namespace rktlet::streaming
