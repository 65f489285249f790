// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/spdy_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/journal.h"
#include "rktlet/streaming/abort_timer.h"
#include "rktlet/streaming/growing_buffer.h"

namespace rktlet::streaming {
namespace {

// A socket that is not read does not tell that the client has gone: it is asked.
constexpr std::chrono::seconds kLook(2);
constexpr size_t kMaxHeaderValue = 128;

}  // namespace

// What the client has sent on a stream and nobody has read yet. Bounded by the session: when too much waits, it is not
// read from.
struct SpdySession::Inbound {
  explicit Inbound(const boost::asio::any_io_executor& executor, spdy::StreamId stream)
      : id(stream), readable(executor) {}

  std::string_view bytes() const { return std::string_view(buffer).substr(begin); }
  // Grows by less than a string by itself does, which doubles even in reserve(): much may wait on many streams.
  void Append(std::string_view data) {
    const size_t size = buffer.size() + data.size();
    if (size > buffer.capacity()) {
      std::string larger;
      larger.reserve(std::max(size, buffer.capacity() + buffer.capacity() / 8));
      larger = buffer;
      buffer.swap(larger);
    }
    buffer.append(data);
  }
  // Gives back the memory of what was read.
  void Trim() {
    if (begin == buffer.size()) {
      std::string().swap(buffer);
      begin = 0;
    } else if (begin > buffer.size() / 2) {
      buffer.erase(0, begin);
      begin = 0;
    }
  }

  const spdy::StreamId id;
  std::string buffer;
  size_t begin = 0;
  bool ended = false;
  bool gone = false;
  bool cancelled = false;
  Signal readable;
};

class SpdySession::SpdyStream final : public Stream {
 public:
  SpdyStream(SpdySession& session, std::shared_ptr<Inbound> inbound)
      : session_(session), inbound_(std::move(inbound)), writable_(session.executor_) {}

  ~SpdyStream() override {
    session_.connection_.Reset(inbound_->id, spdy::ResetStatus::kCancel);
    session_.inbound_.erase(inbound_->id);
    session_.output_.Notify();
    session_.input_wanted_.Notify();
  }

  Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) override {
    Inbound& inbound = *inbound_;
    while (inbound.bytes().empty()) {
      if (inbound.cancelled) {
        co_return absl::CancelledError("not read any more");
      }
      if (inbound.ended) {
        co_return size_t{0};
      }
      if (inbound.gone || session_.closed_) {
        co_return absl::UnavailableError("the client has gone");
      }
      co_await inbound.readable.Wait();
    }
    const size_t size = std::min(buffer.size(), inbound.bytes().size());
    std::memcpy(buffer.data(), inbound.bytes().data(), size);
    inbound.begin += size;
    inbound.Trim();
    session_.connection_.Consumed(inbound.id, size);
    session_.output_.Notify();
    session_.input_wanted_.Notify();
    co_return size;
  }

  Awaitable<absl::Status> Write(std::string_view data) override {
    session_.transport_->Touch();
    while (!data.empty()) {
      if (ended_ || inbound_->gone || session_.closed_) {
        co_return absl::UnavailableError(ended_ ? "written after the end" : "the client has gone");
      }
      const size_t size = session_.connection_.Write(inbound_->id, data);
      data.remove_prefix(size);
      if (size > 0) {
        session_.output_.Notify();
      } else {
        session_.waiting_.push_back(&writable_);
        co_await writable_.Wait();
      }
    }
    co_return absl::OkStatus();
  }

  Awaitable<void> CloseWrite() override {
    ended_ = true;
    session_.connection_.End(inbound_->id);
    session_.output_.Notify();
    co_return;
  }

  void CancelRead() override {
    inbound_->cancelled = true;
    session_.ConsumeAll(*inbound_);
    inbound_->readable.Notify();
  }

 private:
  SpdySession& session_;
  const std::shared_ptr<Inbound> inbound_;
  Signal writable_;
  bool ended_ = false;
};

SpdySession::SpdySession(const boost::asio::any_io_executor& executor, std::unique_ptr<Transport> transport,
                         const spdy::Limits& limits)
    : executor_(executor),
      transport_(std::move(transport)),
      connection_(spdy::Role::kServer, limits),
      arrival_(executor),
      output_(executor),
      input_wanted_(executor),
      written_(executor) {}

SpdySession::~SpdySession() = default;

Awaitable<void> SpdySession::ReadAll() {
  GrowingBuffer buffer;
  while (true) {
    while (!connection_.WantsInput() && !closed_ && !closing_) {
      co_await input_wanted_.WaitFor(kLook);
      if (!connection_.WantsInput() && transport_->PeerHasLeft()) {
        transport_->Abort();
        Closed();
      }
    }
    if (closed_ || leaving_) {
      break;
    }
    const std::span<char> space = buffer.span();
    auto size = co_await transport_->Read(space);
    if (!size.ok() || *size == 0) {
      break;
    }
    const std::string_view bytes(space.data(), *size);
    co_await Feed(bytes);
    buffer.Used(*size);
  }
  Closed();
}

Awaitable<void> SpdySession::Feed(std::string_view bytes) {
  while (!closing_) {
    const std::optional<spdy::Event> event = connection_.Next(&bytes);
    if (!event.has_value()) {
      break;
    }
    if (event->kind == spdy::Event::Kind::kPause) {
      co_await Yield();
    } else {
      Handle(*event);
    }
  }
  output_.Notify();
  // There may be windows to write into.
  WakeWriters();
}

void SpdySession::Welcome(const spdy::Event& event) {
  NewStream stream{event.stream, std::string(spdy::FindHeader(event.headers, "streamtype")),
                   std::string(spdy::FindHeader(event.headers, "port")),
                   std::string(spdy::FindHeader(event.headers, "requestid"))};
  const size_t longest = std::max({stream.type.size(), stream.port.size(), stream.request_id.size()});
  // No stream of any client goes one way only; with a FIN it would be over at once, and no limit would count it.
  if (refusing_ || event.unidirectional || longest > kMaxHeaderValue) {
    Refuse(event.stream);
    return;
  }
  auto created = std::make_shared<Inbound>(executor_, event.stream);
  created->ended = event.end;
  inbound_[event.stream] = std::move(created);
  arrived_.push_back(std::move(stream));
  arrival_.Notify();
}

void SpdySession::Handle(const spdy::Event& event) {
  const auto it = inbound_.find(event.stream);
  Inbound* inbound = it == inbound_.end() ? nullptr : it->second.get();
  switch (event.kind) {
    case spdy::Event::Kind::kStream:
      Welcome(event);
      break;
    case spdy::Event::Kind::kData:
    case spdy::Event::Kind::kHeaders:
      if (inbound == nullptr) {
        break;
      }
      inbound->ended = inbound->ended || event.end;
      if (!event.data.empty()) {
        transport_->Touch();
        inbound->Append(event.data);
      }
      if (inbound->cancelled) {
        ConsumeAll(*inbound);
      }
      inbound->readable.Notify();
      break;
    case spdy::Event::Kind::kReset:
      if (inbound != nullptr) {
        inbound->gone = true;
        ConsumeAll(*inbound);
        inbound->readable.Notify();
        // Of one that nobody has opened yet nothing is kept.
        if (std::erase_if(arrived_, [&](const NewStream& stream) { return stream.id == event.stream; }) > 0) {
          inbound_.erase(event.stream);
        }
      }
      break;
    case spdy::Event::Kind::kFailed:
      base::journal::Warning("A streaming client broke the SPDY protocol", {{"STATUS", event.error}});
      Closed();
      break;
    case spdy::Event::Kind::kReply:
    case spdy::Event::Kind::kGoAway:
    case spdy::Event::Kind::kPong:
    case spdy::Event::Kind::kPause:
      break;  // streams are the client's to open, and it closes the connection itself when it wants no more of them
  }
}

void SpdySession::ConsumeAll(Inbound& inbound) {
  connection_.Consumed(inbound.id, inbound.bytes().size());
  std::string().swap(inbound.buffer);
  inbound.begin = 0;
  output_.Notify();
  input_wanted_.Notify();
}

Awaitable<void> SpdySession::WriteAll() {
  std::string buffer;
  while (true) {
    if (connection_.Output().empty()) {
      if (closing_ || closed_) {
        break;
      }
      std::string().swap(buffer);
      co_await output_.Wait();
      continue;
    }
    connection_.TakeOutput(&buffer);
    WakeWriters();
    input_wanted_.Notify();
    const absl::Status written = co_await transport_->Write(buffer);
    if (!written.ok()) {
      Closed();
      break;
    }
  }
  writing_ = false;
  written_.Notify();
}

void SpdySession::WakeWriters() {
  for (Signal* writer : std::exchange(waiting_, {})) {
    writer->Notify();
  }
}

void SpdySession::Closed() {
  if (std::exchange(closed_, true)) {
    return;
  }
  for (const auto& [id, inbound] : inbound_) {
    inbound->readable.Notify();
  }
  WakeWriters();
  arrival_.Notify();
  output_.Notify();
  input_wanted_.Notify();
  if (on_closed_) {
    std::exchange(on_closed_, nullptr)();
  }
}

Awaitable<std::optional<SpdySession::NewStream>> SpdySession::Accept(std::chrono::steady_clock::time_point deadline) {
  while (arrived_.empty()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (closed_ || left <= std::chrono::nanoseconds(0)) {
      co_return std::nullopt;
    }
    co_await arrival_.WaitFor(std::min<std::chrono::nanoseconds>(left, std::chrono::hours(24)));
  }
  NewStream stream = std::move(arrived_.front());
  arrived_.pop_front();
  co_return stream;
}

std::unique_ptr<Stream> SpdySession::Open(spdy::StreamId stream) {
  std::shared_ptr<Inbound> inbound = inbound_.at(stream);
  connection_.Reply(stream);
  output_.Notify();
  return std::make_unique<SpdyStream>(*this, std::move(inbound));
}

void SpdySession::Refuse(spdy::StreamId stream) {
  connection_.Reset(stream, spdy::ResetStatus::kRefusedStream);
  inbound_.erase(stream);
  output_.Notify();
}

void SpdySession::RefuseNewStreams() {
  refusing_ = true;
  for (const NewStream& stream : std::exchange(arrived_, {})) {
    Refuse(stream.id);
  }
}

Awaitable<void> SpdySession::Close(std::chrono::nanoseconds time) {
  AbortTimer stalled(executor_, [this] { transport_->Abort(); });
  stalled.Start(time);
  connection_.GoAway(spdy::GoAwayStatus::kOk);
  closing_ = true;
  output_.Notify();
  input_wanted_.Notify();
  while (writing_) {
    co_await written_.Wait();
  }
  stalled.Stop();
  leaving_ = true;
  co_await transport_->Close();
}

void SpdySession::OnClosed(std::function<void()> action) {
  if (closed_ && action) {
    action();
    return;
  }
  on_closed_ = std::move(action);
}

void SpdySession::Abort() {
  transport_->Abort();
  Closed();
}

}  // namespace rktlet::streaming
