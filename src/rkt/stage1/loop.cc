// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace rkt::stage1 {

int Loop::Open() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  return epoll_fd_ < 0 ? errno : 0;
}

int Loop::Watch(Source* source, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = source;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, source->fd, &event) != 0) {
    return errno;
  }
  source->watched = true;
  return 0;
}

void Loop::Unwatch(Source* source) {
  if (source->watched) {
    epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, source->fd, nullptr);
    source->watched = false;
  }
}

void Loop::Close(Source* source) {
  Unwatch(source);
  if (source->fd >= 0) {
    close(source->fd);
    source->fd = -1;
  }
}

void Loop::Turn(int timeout_ms) {
  epoll_event event{};
  if (epoll_wait(epoll_fd_, &event, 1, timeout_ms) == 1) {
    Source* source = static_cast<Source*>(event.data.ptr);
    source->handle(source, event.events);
  }
}

}  // namespace rkt::stage1
