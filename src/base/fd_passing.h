// SPDX-License-Identifier: Apache-2.0
// A descriptor that travels over a connected unix socket (SCM_RIGHTS, unix(7)).
#pragma once

#include "base/status.h"
#include "base/unique_fd.h"

namespace rktlet::base {

// Sends a duplicate of `fd`, and one byte, as a stream socket needs.
absl::Status SendFd(int socket, int fd);

// The descriptor that has come with the next message, close-on-exec; the message's text is dropped. Does not wait:
// Unavailable when nothing is there, or the other side has closed; InvalidArgument when the message brings none.
absl::StatusOr<UniqueFd> ReceiveFd(int socket);

}  // namespace rktlet::base
