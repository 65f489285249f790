// SPDX-License-Identifier: Apache-2.0
// The event loop: epoll with one event at a time, so that a handler may free any source without leaving a stale event.
#pragma once

#include <stdint.h>

namespace rkt::stage1 {

// Something with a descriptor to watch. `owner` is the handler's.
struct Source {
  int fd = -1;
  void (*handle)(Source* source, uint32_t events) = nullptr;
  void* owner = nullptr;
  bool watched = false;
};

class Loop {
 public:
  int Open();  // 0 or an errno

  int Watch(Source* source, uint32_t events);
  void Unwatch(Source* source);
  // Unwatches and closes.
  void Close(Source* source);

  // Handles one event, or none within the time (-1: no limit).
  void Turn(int timeout_ms);

 private:
  int epoll_fd_ = -1;
};

}  // namespace rkt::stage1
