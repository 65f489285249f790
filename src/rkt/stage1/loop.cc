// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace rkt::stage1 {

int Loop::Open() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  urgent_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd_ < 0 || urgent_fd_ < 0) {
    return errno;
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, urgent_fd_, &event) != 0 ? errno : 0;
}

int Loop::Watch(Source* source, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = source;
  if (epoll_ctl(SetOf(*source), EPOLL_CTL_ADD, source->fd, &event) != 0) {
    return errno;
  }
  source->watched = true;
  return 0;
}

void Loop::Unwatch(Source* source) {
  if (source->watched) {
    epoll_ctl(SetOf(*source), EPOLL_CTL_DEL, source->fd, nullptr);
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
  // One of each kind: what is urgent goes first, and cannot keep the rest from its turn.
  const bool handled = HandleOne(urgent_fd_, 0);
  HandleOne(epoll_fd_, handled ? 0 : timeout_ms);
}

bool Loop::HandleOne(int set, int timeout_ms) {
  epoll_event event{};
  if (epoll_wait(set, &event, 1, timeout_ms) != 1) {
    return false;
  }
  if (event.data.ptr != nullptr) {  // the set of the urgent ones, which comes first in the next turn
    Source* source = static_cast<Source*>(event.data.ptr);
    source->handle(source, event.events);
  }
  return true;
}

}  // namespace rkt::stage1
