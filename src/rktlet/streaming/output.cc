// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/output.h"

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
      drained_(executor) {}

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

// Whether the queue has room again. For a container that must not wait: only as long as the client takes something.
Awaitable<bool> Output::WaitForSpace() {
  while (Full() && !cancelled_) {
    if (when_full_ == WhenFull::kWait) {
      co_await drained_.Wait();
      continue;
    }
    const uint64_t before = written_;
    const bool drained = co_await drained_.WaitFor(environment_.limits.attach_stall);
    if (!drained && written_ == before) {
      dropped_ = true;
      co_return false;
    }
  }
  co_return !cancelled_;
}

Awaitable<void> Output::Read() {
  while (co_await WaitForSpace()) {
    auto size = source_.TryRead(Scratch());
    if (absl::IsUnavailable(size.status())) {
      starving_since_ = std::chrono::steady_clock::now();
      starving_ = true;
      absl::Status readable = co_await source_.WaitReadable();
      starving_ = false;
      if (!readable.ok()) {
        break;
      }
      continue;
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

void Output::EndSource() { source_.Close(); }

void Output::Cancel() {
  cancelled_ = true;
  for (const std::string& chunk : queue_) {
    Dequeue(chunk.size());
  }
  queue_.clear();
  source_.Close();
  filled_.Notify();
  drained_.Notify();
}

}  // namespace rktlet::streaming
