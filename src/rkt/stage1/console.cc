// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/console.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rkt/stage1/sockets.h"

namespace rkt::stage1 {

int Console::Listen(Loop* loop, const char* path, void (*received)(void* context, int master), void* context) {
  Close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = strlen(path);
  if (length >= sizeof(address.sun_path)) {
    return ENAMETOOLONG;
  }
  memcpy(address.sun_path, path, length + 1);
  unlink(path);
  listener_.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener_.fd < 0) {
    return errno;
  }
  loop_ = loop;
  callback_ = received;
  context_ = context;
  listener_.handle = &Console::Accept;
  listener_.owner = this;
  peer_.handle = &Console::Receive;
  peer_.owner = this;
  memcpy(path_, path, length + 1);
  int error = 0;
  if (bind(listener_.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || chmod(path, 0600) != 0 ||
      listen(listener_.fd, 1) != 0) {
    error = errno;
  } else {
    error = loop_->Watch(&listener_, EPOLLIN);
  }
  if (error != 0) {
    Close();
  }
  return error;
}

void Console::Close() {
  if (loop_ != nullptr) {
    loop_->Close(&peer_);
    loop_->Close(&listener_);
  }
  if (path_[0] != '\0') {
    unlink(path_);
    path_[0] = '\0';
  }
}

void Console::Accept(Source* source, uint32_t) {
  Console* console = static_cast<Console*>(source->owner);
  const int fd = accept4(source->fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    return;
  }
  if (console->peer_.fd >= 0 || !PeerIsAllowed(fd)) {
    close(fd);
    return;
  }
  console->peer_.fd = fd;
  if (console->loop_->Watch(&console->peer_, EPOLLIN) != 0) {
    console->loop_->Close(&console->peer_);
  }
}

void Console::Receive(Source* source, uint32_t) {
  Console* console = static_cast<Console*>(source->owner);
  int master = -1;
  const ssize_t size = ReceiveDescriptor(source->fd, &master);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (master < 0) {
    console->loop_->Close(&console->peer_);  // the peer went away without one: another may come
    return;
  }
  console->Close();
  console->callback_(console->context_, master);
}

}  // namespace rkt::stage1
