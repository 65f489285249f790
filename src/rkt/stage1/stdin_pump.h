// SPDX-License-Identifier: Apache-2.0
// A container's stdin: a pipe that is fed from the pipes of any number of clients. The bytes are moved with splice(2);
// what the container does not read stays in the clients' pipes, so that they feel it.
#pragma once

#include <stdint.h>

#include "rkt/stage1/loop.h"

namespace rkt::stage1 {

class StdinPump;

// A client's input: `source.fd` is the read end. `ended` is called once, when it is closed; it may free the input.
struct StdinInput {
  Source source;
  void (*ended)(void* context) = nullptr;
  void* context = nullptr;
  StdinPump* pump = nullptr;
  StdinInput* next = nullptr;
};

class StdinPump {
 public:
  // Makes the pipe. `once`: it ends with the first input that ends. 0 or an errno.
  int Open(Loop* loop, bool once, int* read_end);
  // Ends the container's stdin and every input.
  void Close();
  bool is_open() const { return sink_.fd >= 0; }

  // Takes an input with its descriptor. 0 or an errno: then the descriptor is still the caller's.
  int Add(StdinInput* input);

 private:
  static void HandleInput(Source* source, uint32_t events);
  static void HandleSink(Source* source, uint32_t events);
  void WaitForRoom();
  void End(StdinInput* input);

  Loop* loop_ = nullptr;
  Source sink_;  // the write end; watched while it is full, the inputs are not then
  StdinInput* inputs_ = nullptr;
  bool once_ = false;
};

}  // namespace rkt::stage1
