// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/transports.h"

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "rktlet/streaming/abort_timer.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::seconds kLinger(2);  // with nothing heard from a client that may still have to read
constexpr std::chrono::seconds kLongestLinger(30);

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(SocketStream socket) : socket_(std::move(socket)), read_(socket_.get_executor()) {}
  ~SocketTransport() override { socket_.Close(); }

  Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) override {
    reading_ = true;
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const asio::mutable_buffer target(buffer.data(), buffer.size());
    const size_t size = co_await socket_.async_read_some(target, token);
    reading_ = false;
    read_.Notify();
    // TLS connections that end without a farewell are common, and what SPDY has to say it says itself.
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
      co_return size_t{0};
    }
    if (error) {
      co_return absl::UnavailableError(error.message());
    }
    co_return size;
  }

  Awaitable<absl::Status> Write(std::string_view data) override {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const asio::const_buffer source(data.data(), data.size());
    co_await asio::async_write(socket_, source, token);
    if (error) {
      co_return absl::UnavailableError(error.message());
    }
    co_return absl::OkStatus();
  }

  Awaitable<void> Close() override {
    if (reading_) {
      socket_.ShutdownSend();
      const auto deadline = std::chrono::steady_clock::now() + kLinger;
      while (reading_ && std::chrono::steady_clock::now() < deadline) {
        co_await read_.WaitFor(kLinger);
      }
      if (reading_) {
        socket_.Close();
        co_return;
      }
    }
    // The reader has left. What a slow client sends while it reads must not meet a closed socket: the answer to that is
    // a reset, and the rest of its data is lost.
    co_await Linger(socket_);
  }

  void Abort() override { socket_.Close(); }
  void Touch() override { socket_.Touch(); }
  bool PeerHasLeft() const override { return socket_.PeerHasLeft(); }

 private:
  SocketStream socket_;
  bool reading_ = false;
  Signal read_;
};

class WebSocketTransport final : public Transport {
 public:
  explicit WebSocketTransport(std::unique_ptr<WebSocket> socket) : socket_(std::move(socket)) {}
  ~WebSocketTransport() override { socket_->Abort(); }

  Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) override {
    while (true) {
      auto piece = co_await socket_->Read(buffer);
      if (absl::IsOutOfRange(piece.status())) {
        co_return size_t{0};
      }
      if (!piece.ok()) {
        co_return piece.status();
      }
      if (piece->size > 0) {
        co_return piece->size;
      }
    }
  }

  Awaitable<absl::Status> Write(std::string_view data) override { return socket_->Write(data, {}); }
  Awaitable<void> Close() override { return socket_->Close(); }
  void Abort() override { socket_->Abort(); }
  void Touch() override { socket_->Touch(); }
  bool PeerHasLeft() const override { return socket_->PeerHasLeft(); }

 private:
  std::unique_ptr<WebSocket> socket_;
};

}  // namespace

std::unique_ptr<Transport> TransportOver(SocketStream socket) {
  return std::make_unique<SocketTransport>(std::move(socket));
}

std::unique_ptr<Transport> TransportOver(std::unique_ptr<WebSocket> socket) {
  return std::make_unique<WebSocketTransport>(std::move(socket));
}

Awaitable<void> Linger(SocketStream socket) {
  AbortTimer timer(socket.get_executor(), [socket]() mutable { socket.Close(); });
  timer.Start(kLinger);
  const auto deadline = std::chrono::steady_clock::now() + kLongestLinger;
  error_code error;
  if (socket.tls() != nullptr) {
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await socket.tls()->async_shutdown(token);
  }
  socket.ShutdownSend();
  error = {};
  std::array<char, 1024> dropped;
  while (!error && std::chrono::steady_clock::now() < deadline) {
    timer.Start(kLinger);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const asio::mutable_buffer target = asio::buffer(dropped);
    co_await socket.async_read_some(target, token);
  }
  socket.Close();
}

}  // namespace rktlet::streaming
