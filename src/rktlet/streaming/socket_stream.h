// SPDX-License-Identifier: Apache-2.0
// A client's socket, TCP or unix, bare or below TLS, as one type that Boost.Beast can use: so the protocols above it
// are compiled once. A handle: copies mean the same socket.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace rktlet::streaming {

class SocketStream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Socket = boost::asio::generic::stream_protocol::socket;
  using error_code = boost::system::error_code;
  using Tls = boost::asio::ssl::stream<Socket&>;

  explicit SocketStream(Socket socket) : state_(std::make_shared<State>(std::move(socket))) {}

  executor_type get_executor() const { return state_->socket.get_executor(); }

  // Everything goes through TLS from now on; the caller does the handshake on tls().
  void UseTls(std::shared_ptr<boost::asio::ssl::context> context) {
    state_->context = std::move(context);
    state_->tls = std::make_unique<Tls>(state_->socket, *state_->context);
  }
  Tls* tls() const { return state_->tls.get(); }

  // Bytes that were read too early: they are read first.
  void PutBack(std::string bytes) { state_->early = std::move(bytes); }

  // A user's bytes have moved.
  void Touch() { state_->touched = std::chrono::steady_clock::now(); }
  std::chrono::steady_clock::time_point touched() const { return state_->touched; }

  // Whether the other side has ended its direction, or more, be there bytes to read or not; or we have closed ours.
  bool PeerHasLeft() const;
  // Our direction ends after what was written.
  void ShutdownSend();
  // All pending operations fail.
  void Close();

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, size_t)>(
        [state = state_](auto handler, const Buffers& target) {
          if (!state->early.empty()) {
            const size_t size = boost::asio::buffer_copy(target, boost::asio::buffer(state->early));
            state->early.erase(0, size);
            boost::asio::post(state->socket.get_executor(),
                              boost::beast::bind_front_handler(std::move(handler), error_code(), size));
          } else if (state->tls != nullptr) {
            state->tls->async_read_some(target, std::move(handler));
          } else {
            state->socket.async_read_some(target, std::move(handler));
          }
        },
        token, buffers);
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, size_t)>(
        [state = state_](auto handler, const Buffers& source) {
          if (state->tls != nullptr) {
            state->tls->async_write_some(source, std::move(handler));
          } else {
            state->socket.async_write_some(source, std::move(handler));
          }
        },
        token, buffers);
  }

 private:
  struct State {
    explicit State(Socket accepted) : socket(std::move(accepted)) {}
    Socket socket;
    std::shared_ptr<boost::asio::ssl::context> context;  // the one of the handshake, whatever is loaded later
    std::unique_ptr<Tls> tls;
    std::string early;
    std::chrono::steady_clock::time_point touched = std::chrono::steady_clock::now();
  };
  std::shared_ptr<State> state_;
};

// What Beast's WebSocket asks of the layer below it.
inline void beast_close_socket(SocketStream& stream) { stream.Close(); }

inline void teardown(boost::beast::role_type, SocketStream& stream, boost::system::error_code& error) {
  stream.ShutdownSend();
  error = {};
}

template <typename Handler>
void async_teardown(boost::beast::role_type, SocketStream& stream, Handler&& handler) {
  stream.ShutdownSend();
  boost::asio::post(stream.get_executor(),
                    boost::beast::bind_front_handler(std::forward<Handler>(handler), boost::system::error_code()));
}

}  // namespace rktlet::streaming
