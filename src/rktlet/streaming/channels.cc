// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/channels.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "rktlet/streaming/growing_buffer.h"

namespace rktlet::streaming {
namespace {

constexpr int kCloseSignal = 255;
constexpr int kNone = -1;
// A socket that is not read does not tell that the client has gone: it is asked.
constexpr std::chrono::seconds kLook(2);

}  // namespace

class Channels::ChannelStream final : public Stream {
 public:
  ChannelStream(Channels& channels, uint8_t number, bool read) : channels_(channels), number_(number), read_(read) {}
  ~ChannelStream() override { ChannelStream::CancelRead(); }

  Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) override {
    Inbound& inbound = *channels_.inbound_[number_];
    while (inbound.bytes.empty()) {
      if (inbound.cancelled) {
        co_return absl::CancelledError("not read any more");
      }
      if (inbound.ended) {
        co_return size_t{0};
      }
      if (channels_.closed_) {
        co_return absl::UnavailableError("the client has gone");
      }
      co_await inbound.arrived.Wait();
    }
    const size_t size = std::min(buffer.size(), inbound.bytes.size());
    std::memcpy(buffer.data(), inbound.bytes.data(), size);
    inbound.bytes = inbound.bytes.subspan(size);
    if (inbound.bytes.empty()) {
      channels_.taken_.Notify();
    }
    co_return size;
  }

  Awaitable<absl::Status> Write(std::string_view data) override { return channels_.Write(number_, data); }

  Awaitable<void> CloseWrite() override {
    if (read_) {
      CancelRead();
    }
    co_return;
  }

  void CancelRead() override {
    Inbound& inbound = *channels_.inbound_[number_];
    inbound.cancelled = true;
    inbound.bytes = {};
    inbound.arrived.Notify();
    channels_.taken_.Notify();
  }

 private:
  Channels& channels_;
  const uint8_t number_;
  const bool read_;
};

Channels::Channels(const boost::asio::any_io_executor& executor, std::unique_ptr<WebSocket> socket,
                   WebSocketProtocol protocol, uint8_t count)
    : socket_(std::move(socket)), protocol_(std::move(protocol)), taken_(executor) {
  for (uint8_t i = 0; i < count; ++i) {
    inbound_.push_back(std::make_unique<Inbound>(executor));
  }
}

std::unique_ptr<Stream> Channels::Open(uint8_t channel, bool read) {
  inbound_[channel]->read = read;
  return std::make_unique<ChannelStream>(*this, channel, read);
}

Awaitable<void> Channels::Run() {
  GrowingBuffer buffer;
  absl::Status status;
  while (status.ok()) {
    const std::span<char> space = buffer.span();
    auto piece = co_await socket_->Read(space);
    if (!piece.ok()) {
      break;
    }
    if (piece->size > 0 || piece->last) {
      const std::span<const char> bytes(space.data(), piece->size);
      status = co_await HandlePiece(bytes, piece->first, piece->last);
    }
    buffer.Used(piece->size);
  }
  if (!status.ok()) {
    socket_->Abort();
  }
  Closed();
}

Awaitable<absl::Status> Channels::HandlePiece(std::span<const char> bytes, bool first, bool last) {
  if (first) {
    channel_ = bytes.empty() ? kNone : static_cast<uint8_t>(bytes.front()) - (protocol_.base64 ? '0' : 0);
    bytes = bytes.subspan(bytes.empty() ? 0 : 1);
    decoder_ = Base64Decoder();
    signal_bytes_ = 0;
  }
  if (protocol_.close_signal && !protocol_.base64 && channel_ == kCloseSignal) {
    co_return HandleCloseSignal(bytes, last);
  }
  if (channel_ < 0 || channel_ >= static_cast<int>(inbound_.size()) || bytes.empty()) {
    co_return absl::OkStatus();
  }
  Inbound& inbound = *inbound_[static_cast<size_t>(channel_)];
  if (!inbound.read || inbound.ended) {
    co_return absl::OkStatus();
  }
  socket_->Touch();
  if (!protocol_.base64) {
    co_await Deliver(inbound, bytes);
    co_return absl::OkStatus();
  }
  std::string decoded;
  if (decoder_.Feed({bytes.data(), bytes.size()}, decoded)) {
    co_await Deliver(inbound, decoded);
  }
  co_return absl::OkStatus();
}

absl::Status Channels::HandleCloseSignal(std::span<const char> bytes, bool last) {
  if (!bytes.empty()) {
    signalled_ = static_cast<uint8_t>(bytes.back());
  }
  signal_bytes_ += static_cast<int>(std::min<size_t>(bytes.size(), 2));
  if (signal_bytes_ > 1 || (last && signal_bytes_ != 1)) {
    return absl::InvalidArgumentError("a close signal names one channel");
  }
  if (!last) {
    return absl::OkStatus();
  }
  if (signalled_ >= inbound_.size()) {
    return absl::InvalidArgumentError("a close signal for no channel");
  }
  inbound_[signalled_]->ended = true;
  inbound_[signalled_]->arrived.Notify();
  return absl::OkStatus();
}

// Returns when the channel's reader has taken all of it, or wants no more.
Awaitable<void> Channels::Deliver(Inbound& channel, std::span<const char> bytes) {
  if (channel.cancelled || bytes.empty()) {
    co_return;
  }
  channel.bytes = bytes;
  channel.arrived.Notify();
  while (!channel.bytes.empty()) {
    co_await taken_.WaitFor(kLook);
    if (!channel.bytes.empty() && socket_->PeerHasLeft()) {
      socket_->Abort();
      channel.bytes = {};
    }
  }
}

void Channels::Closed() {
  closed_ = true;
  for (const auto& inbound : inbound_) {
    inbound->arrived.Notify();
  }
  if (on_closed_) {
    std::exchange(on_closed_, nullptr)();
  }
}

Awaitable<absl::Status> Channels::Write(uint8_t channel, std::string_view data) {
  socket_->Touch();
  const char number = static_cast<char>(channel + (protocol_.base64 ? '0' : 0));
  const std::string_view head(&number, 1);
  if (!protocol_.base64) {
    absl::Status status = co_await socket_->Write(head, data);
    co_return status;
  }
  const std::string text = EncodeBase64(head, data);
  absl::Status status = co_await socket_->Write(text, {});
  co_return status;
}

Awaitable<void> Channels::Close() { return socket_->Close(); }

void Channels::OnClosed(std::function<void()> action) {
  if (closed_ && action) {
    action();
    return;
  }
  on_closed_ = std::move(action);
}

void Channels::Abort() {
  socket_->Abort();
  taken_.Notify();
}

}  // namespace rktlet::streaming
