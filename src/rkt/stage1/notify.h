// SPDX-License-Identifier: Apache-2.0
// The readiness protocol of systemd (sd_notify(3)) without its library.
#pragma once

namespace rkt::stage1 {

// Sends `state` ("READY=1") to $NOTIFY_SOCKET. 0, also when nobody asked for it; else an errno.
int Notify(const char* state);

}  // namespace rkt::stage1
