// SPDX-License-Identifier: Apache-2.0
// The event loop: epoll with one event at a time, so that a handler may free any source without leaving a stale event.
// Containers that print without an end keep their sources ready for ever: what is urgent does not wait in their queue.
#pragma once

#include <stdint.h>

namespace rkt::stage1 {

// Something with a descriptor to watch. `owner` is the handler's.
struct Source {
  int fd = -1;
  void (*handle)(Source* source, uint32_t events) = nullptr;
  void* owner = nullptr;
  bool watched = false;
  bool urgent = false;  // handled before what is not; to be set before it is watched
};

class Loop {
 public:
  int Open();  // 0 or an errno

  int Watch(Source* source, uint32_t events);
  void Unwatch(Source* source);
  // Unwatches and closes.
  void Close(Source* source);

  // Handles one event, or one of each kind, or none within the time (-1: no limit).
  void Turn(int timeout_ms);

 private:
  bool HandleOne(int set, int timeout_ms);
  int SetOf(const Source& source) const { return source.urgent ? urgent_fd_ : epoll_fd_; }

  int epoll_fd_ = -1;
  int urgent_fd_ = -1;  // a set of its own, watched by the other
};

}  // namespace rkt::stage1
