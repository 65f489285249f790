// SPDX-License-Identifier: Apache-2.0
// Receives a container's terminal: crun connects to a stream socket and sends the terminal's master descriptor.
#pragma once

#include "rkt/stage1/loop.h"

namespace rkt::stage1 {

class Console {
 public:
  // Listens at `path` (below 108 bytes). `received` gets the master, which it owns from then on. 0 or an errno.
  int Listen(Loop* loop, const char* path, void (*received)(void* context, int master), void* context);
  // Ends the wait and removes the socket.
  void Close();

  const char* path() const { return path_; }

 private:
  static void Accept(Source* source, uint32_t events);
  static void Receive(Source* source, uint32_t events);

  Loop* loop_ = nullptr;
  Source listener_;
  Source peer_;
  char path_[108] = "";
  void (*callback_)(void* context, int master) = nullptr;
  void* context_ = nullptr;
};

}  // namespace rkt::stage1
