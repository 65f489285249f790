// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/socket_stream.h"

#include <poll.h>

namespace rktlet::streaming {

bool SocketStream::PeerHasLeft() const {
  if (!state_->socket.is_open()) {
    return true;
  }
  pollfd poll{state_->socket.native_handle(), POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) == 1 && (poll.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void SocketStream::ShutdownSend() {
  error_code ignored;
  state_->socket.shutdown(Socket::shutdown_send, ignored);
}

void SocketStream::Close() {
  error_code ignored;
  state_->socket.close(ignored);
}

}  // namespace rktlet::streaming
