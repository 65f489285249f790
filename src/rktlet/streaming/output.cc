// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/output.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rktlet::streaming {
namespace {

constexpr size_t kChunk = 64 * 1024;

// One for the loop thread: bytes stay in it only until they are queued, without a co_await in between.
std::span<char> Scratch() {
  thread_local std::array<char, kChunk> scratch;
  return scratch;
}

}  // namespace

Output::Output(const boost::asio::any_io_executor& executor, Environment& environment, WhenFull when_full,
               std::unique_ptr<Stream> sink, std::function<void()> changed)
    : environment_(environment),
      when_full_(when_full),
      sink_(std::move(sink)),
      changed_(std::move(changed)),
      source_(executor),
      filled_(executor),
      drained_(executor),
      hung_up_(executor) {}

Output::~Output() { Dequeue(queued_); }

size_t Output::Bound() const {
  return when_full_ == WhenFull::kWait ? environment_.limits.exec_buffer : environment_.limits.attach_buffer;
}

bool Output::Full() const {
  const bool memory_is_short =
      when_full_ == WhenFull::kDrop && environment_.usage.buffered >= environment_.limits.total_buffer && queued_ > 0;
  return queued_ >= Bound() || memory_is_short;
}

bool Output::starved_for(std::chrono::nanoseconds time) const {
  return starving_ && std::chrono::steady_clock::now() - starving_since_ >= time;
}

void Output::Enqueue(std::string_view bytes) {
  // Many small writes become one, but what is being written stays untouched: it is not in the queue any more.
  if (!queue_.empty() && queue_.back().size() + bytes.size() <= kChunk) {
    queue_.back() += bytes;
  } else {
    queue_.emplace_back(bytes);
  }
  queued_ += bytes.size();
  if (when_full_ == WhenFull::kDrop) {
    environment_.usage.buffered += bytes.size();
  }
  filled_.Notify();
}

void Output::Dequeue(size_t size) {
  queued_ -= size;
  if (when_full_ == WhenFull::kDrop) {
    environment_.usage.buffered -= size;
  }
}

// Counts that the process has waited for `time`, beyond the pace. What was counted is forgotten evenly.
bool Output::HeldUpTooLong(std::chrono::nanoseconds time) {
  using Seconds = std::chrono::duration<double>;
  const Limits& limits = environment_.limits;
  const auto now = std::chrono::steady_clock::now();
  const Seconds forgotten = (now - held_up_at_) * (Seconds(limits.attach_patience) / Seconds(limits.attach_window));
  const Seconds charged = std::max<Seconds>(Seconds(0), time - limits.attach_pace);
  held_up_ = std::max(Seconds(0), held_up_ - forgotten) + charged;
  held_up_at_ = now;
  return held_up_ >= limits.attach_patience;
}

// Whether the queue has room again. For a container that must not wait: only as long as the client takes something, and
// not for long in all.
Awaitable<bool> Output::WaitForSpace() {
  while (Full() && !cancelled_) {
    if (when_full_ == WhenFull::kWait) {
      co_await drained_.Wait();
      continue;
    }
    const uint64_t before = written_;
    const auto since = std::chrono::steady_clock::now();
    const bool drained = co_await drained_.WaitFor(environment_.limits.attach_stall);
    const bool stalled = !drained && written_ == before;
    if (HeldUpTooLong(std::chrono::steady_clock::now() - since) || stalled) {
      dropped_ = true;
      co_return false;
    }
  }
  co_return !cancelled_;
}

// False: it was closed meanwhile.
Awaitable<bool> Output::WaitForBytes(bool hung_up) {
  starving_since_ = std::chrono::steady_clock::now();
  starving_ = true;
  absl::Status readable;
  if (hung_up) {
    co_await hung_up_.WaitFor(kTerminalPause);
  } else {
    readable = co_await source_.WaitReadable();
  }
  starving_ = false;
  co_return readable.ok() && source_.is_open();
}

Awaitable<void> Output::Read() {
  while (co_await WaitForSpace()) {
    auto size = source_.TryRead(Scratch());
    const bool hung_up = absl::IsAborted(size.status()) && !process_ended_;
    if (absl::IsUnavailable(size.status()) || hung_up) {
      if (co_await WaitForBytes(hung_up)) {
        continue;
      }
      break;
    }
    if (!size.ok() || *size == 0) {
      break;
    }
    Enqueue({Scratch().data(), *size});
    co_await Yield();  // a process that writes fast is not alone on the loop
  }
  source_.Close();
  source_ended_ = true;
  filled_.Notify();
  changed_();
}

Awaitable<void> Output::Write() {
  bool writable = true;
  while (writable && !cancelled_ && !dropped_) {
    if (queue_.empty()) {
      if (source_ended_) {
        break;
      }
      co_await filled_.Wait();
      continue;
    }
    const std::string chunk = std::exchange(queue_.front(), {});
    queue_.pop_front();
    absl::Status status = co_await sink_->Write(chunk);
    writable = status.ok();
    written_ += chunk.size();
    Dequeue(chunk.size());
    drained_.Notify();
    changed_();
  }
  if (writable && !cancelled_) {
    co_await sink_->CloseWrite();
  }
  Cancel();
  written_out_ = true;
  changed_();
}

void Output::ProcessEnded() {
  process_ended_ = true;
  hung_up_.Notify();
}

void Output::EndSource() {
  source_.Close();
  hung_up_.Notify();
}

void Output::Cancel() {
  cancelled_ = true;
  for (const std::string& chunk : queue_) {
    Dequeue(chunk.size());
  }
  queue_.clear();
  EndSource();
  filled_.Notify();
  drained_.Notify();
}

}  // namespace rktlet::streaming
