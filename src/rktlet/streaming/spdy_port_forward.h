// SPDX-License-Identifier: Apache-2.0
// port-forward over SPDY (portforward.k8s.io): for each connection to forward the client opens two streams, of the
// types "data" and "error", which belong together by their header "requestid" and name the port.
#pragma once

#include "rktlet/streaming/port_forward.h"
#include "rktlet/streaming/spdy_session.h"

namespace rktlet::streaming {

// Until the client closes the session. Many connections are forwarded at a time.
Awaitable<void> ServeSpdyPortForward(Environment& environment, PortForwardRequest request, SpdySession& session);

}  // namespace rktlet::streaming
