// SPDX-License-Identifier: Apache-2.0
// The clients that are attached to a container: each has pipes of its own for what it wants of the output, and one for
// what it types. A client that does not read holds the container up for a moment at most, then it is dropped; so is one
// that does so again and again.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rkt/stage1/loop.h"
#include "rkt/stage1/stdin_pump.h"

namespace rkt::stage1 {

inline constexpr int kOutput = 0;
inline constexpr int kErrorOutput = 1;
inline constexpr int kOutputStreams = 2;

class Attachments {
 public:
  // `caught_up` is called when a stream of which Deliver() said false may go on.
  void Init(Loop* loop, void (*caught_up)(void* context, int stream), void* context);

  // Makes the clients' common way into the container. 0 or an errno.
  int OpenStdin(bool once, int* read_end) { return stdin_.Open(loop_, once, read_end); }

  // Attaches the client behind `connection` to what it wants (flags of the protocol) and there is, and answers it. With
  // a terminal (`master` >= 0) its input is a descriptor of the master, if `terminal_input`. 0: the connection is ours.
  int Add(int connection, uint32_t wanted, int master, bool terminal_input);

  // Gives a piece of output to every client. False: somebody has not taken all of it; nothing more of this stream is to
  // be delivered until caught_up().
  bool Deliver(int stream, const char* data, size_t size);
  bool IsBehind(int stream) const { return held_[stream].data != nullptr; }
  // From now on who does not take a piece at once is dropped.
  void StopWaiting();

  bool HasInput() const { return stdin_.is_open(); }

  // The stream has ended, and every client has all of it.
  void EndStream(int stream);
  // No stream is left: all attachments end with the container's stdin, which it may still read, or now if it has none.
  void EndWithInput();
  // Ends all attachments and the container's stdin; `error` and `text` are the clients' last reply.
  void EndAll(int error, const char* text);

  // When the next client is dropped for not reading, CLOCK_MONOTONIC in ms; -1: none is behind.
  int64_t NextDeadline() const;
  void ExpireDeadlines(int64_t now);

  int count() const { return count_; }

 private:
  struct Attachment {
    Attachments* all = nullptr;
    Attachment* next = nullptr;
    Source control;
    StdinInput input;
    Source outputs[kOutputStreams];
    size_t behind[kOutputStreams] = {};  // how much of the end of what is held it has not taken
    int64_t cost = 0;                    // ms that it has held the container up, less a fifth of the time since
    int64_t cost_time = 0;               // when that was right
  };
  // A piece of output that somebody has not taken.
  struct Held {
    char* data = nullptr;
    size_t size = 0;
    int64_t since = 0;
    int64_t deadline = 0;
  };
  // The clients' ends of the pipes.
  struct Ends;

  static void HandleControl(Source* source, uint32_t events);
  static void HandleOutput(Source* source, uint32_t events);
  static void InputEnded(void* context);
  static void StdinClosed(void* context);

  int MakePipes(Attachment* attachment, uint32_t wanted, int master, bool terminal_input, Ends* ends);
  int MakeInput(Attachment* attachment, int* write_end);
  int Watch(Attachment* attachment, int connection);
  size_t Write(Attachment* attachment, int stream, const char* data, size_t size);
  void CheckCaughtUp(int stream);
  bool IsTooSlow(Attachment* attachment, int64_t waited);
  void Detach(Attachment* attachment);
  void Drop(Attachment* attachment, int error, const char* text);
  void DropLaggards(int stream);
  void Release(Attachment* attachment);

  Loop* loop_ = nullptr;
  void (*caught_up_)(void* context, int stream) = nullptr;
  void* context_ = nullptr;
  StdinPump stdin_;
  Attachment* first_ = nullptr;
  int count_ = 0;
  Held held_[kOutputStreams];
  bool stream_ended_[kOutputStreams] = {};
  bool ends_with_input_ = false;
  bool waiting_ = true;
};

}  // namespace rkt::stage1
