// SPDX-License-Identifier: Apache-2.0
// One output of a process on its way to the client: read from its descriptor into a bounded queue, written from there
// to the client's stream.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "rktlet/streaming/descriptor.h"
#include "rktlet/streaming/request.h"
#include "rktlet/streaming/stream.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {

class Output {
 public:
  // What a full queue means: the process waits, or the client is given up when it takes nothing for a while, or has
  // held the process up for too long in all.
  enum class WhenFull { kWait, kDrop };

  // `changed` is called after each step that somebody else may wait for.
  Output(const boost::asio::any_io_executor& executor, Environment& environment, WhenFull when_full,
         std::unique_ptr<Stream> sink, std::function<void()> changed);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  absl::Status Open(base::UniqueFd source) { return source_.Open(std::move(source)); }

  // The two halves, to be run side by side, once. Read() ends at the end of the source, Write() when all of it has been
  // written and our direction is closed; both when it is cancelled, or the client is gone or given up.
  Awaitable<void> Read();
  Awaitable<void> Write();

  // A terminal that nobody has open is at its end from now on; while the process runs, it may open it anew.
  void ProcessEnded();
  // What comes now counts as the end.
  void EndSource();
  // Nothing more is read or written.
  void Cancel();

  bool finished() const { return written_out_; }
  bool dropped() const { return dropped_; }
  bool congested() const { return queued_ > Bound() / 2; }
  // Since when it has waited for bytes of the process, if it does.
  bool starved_for(std::chrono::nanoseconds time) const;
  uint64_t written() const { return written_; }

 private:
  size_t Bound() const;
  bool Full() const;
  void Enqueue(std::string_view bytes);
  void Dequeue(size_t size);
  Awaitable<bool> WaitForSpace();
  Awaitable<bool> WaitForBytes(bool hung_up);
  bool HeldUpTooLong(std::chrono::nanoseconds time);

  Environment& environment_;
  const WhenFull when_full_;
  std::unique_ptr<Stream> sink_;
  std::function<void()> changed_;
  Descriptor source_;
  std::deque<std::string> queue_;
  size_t queued_ = 0;  // bytes, those being written included
  uint64_t written_ = 0;
  Signal filled_;
  Signal drained_;
  Signal hung_up_;
  bool process_ended_ = false;
  bool source_ended_ = false;
  bool cancelled_ = false;
  bool dropped_ = false;
  bool written_out_ = false;
  bool starving_ = false;
  std::chrono::steady_clock::time_point starving_since_;
  // How long the process has been held up, and when that was counted.
  std::chrono::duration<double> held_up_{0};
  std::chrono::steady_clock::time_point held_up_at_;
};

}  // namespace rktlet::streaming
