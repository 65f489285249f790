// SPDX-License-Identifier: Apache-2.0
// A container's stdin: a pipe that is fed from the pipes of any number of clients. The bytes are moved with splice(2);
// what the container does not read stays in the clients' pipes, so that they feel it.
//
// Room in the container's pipe: inputs are watched for bytes. None: for their writers' end only, and the pipe for room.
// The pipe is always watched for its reader's end, which ends it.
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
  bool leaving = false;  // its client has gone: it ends when it is empty
};

class StdinPump {
 public:
  // Makes the pipe. `once`: it ends with the first input that ends. 0 or an errno.
  int Open(Loop* loop, bool once, int* read_end);
  // `closed` is called, last of all, when it ends: the container does not read any more, or `once`.
  void NotifyClosed(void (*closed)(void* context), void* context);
  // Ends the container's stdin and every input.
  void Close();
  bool is_open() const { return sink_.fd >= 0; }

  // Takes an input with its descriptor. 0 or an errno: then the descriptor is still the caller's.
  int Add(StdinInput* input);
  // Lets go of an input as if it had never been there.
  void Remove(StdinInput* input);
  // The client has gone. What it has written still goes to the container, unless too many have left something: then the
  // oldest loses it. With nothing left the input ends at once.
  void Leave(StdinInput* input);

 private:
  static void HandleInput(Source* source, uint32_t events);
  static void HandleSink(Source* source, uint32_t events);
  void WaitForRoom();
  int WatchSink(uint32_t events);
  void WatchInputs(uint32_t events);
  void End(StdinInput* input);

  Loop* loop_ = nullptr;
  void (*closed_)(void* context) = nullptr;
  void* closed_context_ = nullptr;
  Source sink_;                   // the write end
  StdinInput* inputs_ = nullptr;  // the newest first
  bool once_ = false;
  bool full_ = false;
};

}  // namespace rkt::stage1
