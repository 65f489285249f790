// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/web_socket.h"

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <utility>

namespace rktlet::streaming {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {
// Of the answer to the upgrade, and of the closing handshake.
constexpr std::chrono::seconds kHandshake(10);
}  // namespace

struct WebSocket::Parts {
  explicit Parts(SocketStream accepted) : socket(std::move(accepted)), stream(socket), turn(socket.get_executor()) {}

  SocketStream socket;
  websocket::stream<SocketStream, false> stream;
  Lock turn;
  bool first = true;
};

bool IsWebSocketUpgrade(const HttpRequest& request) { return websocket::is_upgrade(request); }

WebSocket::WebSocket(SocketStream socket, bool text) : parts_(std::make_unique<Parts>(std::move(socket))) {
  auto& stream = parts_->stream;
  stream.set_option(websocket::stream_base::timeout{kHandshake, websocket::stream_base::none(), false});
  stream.read_message_max(0);
  stream.auto_fragment(false);
  stream.text(text);
}

WebSocket::~WebSocket() = default;

Awaitable<absl::Status> WebSocket::Accept(const HttpRequest& request, std::string subprotocol) {
  parts_->stream.set_option(websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
    if (!subprotocol.empty()) {
      response.set(boost::beast::http::field::sec_websocket_protocol, subprotocol);
    }
  }));
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await parts_->stream.async_accept(request, token);
  if (error) {
    co_return absl::UnavailableError(error.message());
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<WebSocket::Piece>> WebSocket::Read(std::span<char> buffer) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::mutable_buffer target(buffer.data(), buffer.size());
  const size_t size = co_await parts_->stream.async_read_some(target, token);
  if (error == websocket::error::closed) {
    co_return absl::OutOfRangeError("closed");
  }
  if (error) {
    co_return absl::UnavailableError(error.message());
  }
  const bool last = parts_->stream.is_message_done();
  co_return Piece{size, std::exchange(parts_->first, last), last};
}

Awaitable<absl::Status> WebSocket::Write(std::string_view head, std::string_view body) {
  co_await parts_->turn.Take();
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const std::array<asio::const_buffer, 2> message = {asio::buffer(head), asio::buffer(body)};
  co_await parts_->stream.async_write(message, token);
  parts_->turn.Release();
  if (error) {
    co_return absl::UnavailableError(error.message());
  }
  co_return absl::OkStatus();
}

Awaitable<void> WebSocket::Close() {
  co_await parts_->turn.Take();
  error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  const websocket::close_reason reason(websocket::close_code::normal);
  co_await parts_->stream.async_close(reason, token);
  parts_->socket.Close();
  parts_->turn.Release();
}

void WebSocket::Abort() { parts_->socket.Close(); }
void WebSocket::Touch() { parts_->socket.Touch(); }
bool WebSocket::PeerHasLeft() const { return parts_->socket.PeerHasLeft(); }

}  // namespace rktlet::streaming
