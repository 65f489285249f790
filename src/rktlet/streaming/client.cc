// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/streaming/abort_timer.h"
#include "rktlet/streaming/core.h"
#include "rktlet/streaming/negotiation.h"
#include "rktlet/streaming/serve_channels.h"
#include "rktlet/streaming/transports.h"
#include "rktlet/streaming/web_socket.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using base::StrCat;
using boost::system::error_code;

constexpr char kStreamProtocolHeader[] = "X-Stream-Protocol-Version";
constexpr char kAcceptedProtocolsHeader[] = "X-Accepted-Stream-Protocol-Versions";

using Response = http::response<http::string_body>;

Response Refusal(http::status status, std::string_view text) {
  Response response(status, 11);
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.set(http::field::connection, "close");
  response.body() = StrCat(text, "\n");
  response.prepare_payload();
  return response;
}

Awaitable<bool> Send(SocketStream socket, Response response) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_write(socket, response, token);
  co_return !error;
}

// All values of a header that may come several times, as one list.
std::vector<std::string> ListOf(const HttpRequest& request, std::string_view name) {
  std::vector<std::string> all;
  const auto [begin, end] = request.equal_range(beast::string_view(name.data(), name.size()));
  for (auto field = begin; field != end; ++field) {
    for (std::string& item : SplitList({field->value().data(), field->value().size()})) {
      all.push_back(std::move(item));
    }
  }
  return all;
}

bool IsSpdyUpgrade(const HttpRequest& request) {
  return beast::iequals(request[http::field::upgrade], "SPDY/3.1") &&
         http::token_list(request[http::field::connection]).exists("upgrade");
}

bool OfKind(const Request& request, Kind kind) {
  switch (kind) {
    case Kind::kExec:
      return std::holds_alternative<ExecRequest>(request);
    case Kind::kAttach:
      return std::holds_alternative<AttachRequest>(request);
    case Kind::kPortForward:
      break;
  }
  return std::holds_alternative<PortForwardRequest>(request);
}

// One client, from its first byte to its last.
class Conversation {
 public:
  Conversation(Core& core, Client& client)
      : core_(core),
        client_(client),
        socket_(client.socket),
        too_slow_(core.executor, [socket = client.socket]() mutable { socket.Close(); }) {}

  Awaitable<void> Run() {
    too_slow_.Start(core_.environment.limits.handshake_time);
    const bool secure = co_await Handshake();
    if (!secure) {
      co_return;
    }
    auto refusal = co_await ReadRequest();
    if (!refusal.has_value()) {
      refusal = Admit();
    }
    if (refusal.has_value()) {
      Response response = *std::move(refusal);
      co_await Refuse(std::move(response));
    } else if (IsWebSocketUpgrade(message_)) {
      co_await UpgradeToWebSocket();
    } else {
      co_await UpgradeToSpdy();
    }
  }

 private:
  Awaitable<bool> Handshake() {
    if (core_.certificates == nullptr) {
      co_return true;
    }
    socket_.UseTls(core_.certificates->Current());
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await socket_.tls()->async_handshake(asio::ssl::stream_base::server, token);
    co_return !error;
  }

  // nullopt: `message_` and `target_` are what was asked.
  Awaitable<std::optional<Response>> ReadRequest() {
    const size_t limit = core_.environment.limits.header_bytes;
    beast::flat_buffer buffer(limit);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<uint32_t>(limit));
    parser.body_limit(0);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read_header(socket_, buffer, parser, token);
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      co_return Refusal(http::status::request_header_fields_too_large, "the request is too long");
    }
    if (error.category() == make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      co_return Refusal(http::status::bad_request, StrCat("no HTTP request: ", error.message()));
    }
    if (error) {
      co_return Refusal(http::status::bad_request, "no request");
    }
    if (parser.content_length().value_or(0) > 0 || parser.chunked()) {
      co_return Refusal(http::status::bad_request, "a request for a stream has no body");
    }
    message_ = parser.release();
    if (buffer.size() > 0) {
      socket_.PutBack(beast::buffers_to_string(buffer.data()));
    }
    co_return CheckRequest();
  }

  std::optional<Response> CheckRequest() {
    auto target = ParseTarget({message_.target().data(), message_.target().size()});
    if (!target.ok()) {
      return Refusal(http::status::not_found, "404 page not found");
    }
    if (message_.method() != http::verb::get && message_.method() != http::verb::post) {
      Response response = Refusal(http::status::method_not_allowed, "GET or POST");
      response.set(http::field::allow, "GET, POST");
      return response;
    }
    target_ = *std::move(target);
    return std::nullopt;
  }

  // Takes the token: it is used up whatever follows.
  std::optional<Response> Admit() {
    if (core_.stopping) {
      return Refusal(http::status::service_unavailable, "rktlet is stopping");
    }
    auto request = core_.tokens.Consume(target_.token);
    if (!request.has_value() || !OfKind(*request, target_.kind)) {
      return Refusal(http::status::not_found, "404 page not found: the URL was used, is too old, or never was one");
    }
    if (core_.admitted >= core_.environment.limits.connections) {
      return Refusal(http::status::service_unavailable, "too many streams are open");
    }
    request_ = *std::move(request);
    const bool channels = IsWebSocketUpgrade(message_);
    if (!channels && !IsSpdyUpgrade(message_)) {
      return Refusal(http::status::bad_request,
                     "unable to upgrade: a request for a stream asks for an upgrade to websocket or SPDY/3.1");
    }
    auto refusal = channels ? ChooseChannels() : ChooseSpdy();
    if (!refusal.has_value()) {
      client_.admitted = true;
      ++core_.admitted;
      too_slow_.Stop();
    }
    return refusal;
  }

  std::optional<Response> ChooseChannels() {
    const auto offered = ListOf(message_, "Sec-WebSocket-Protocol");
    auto protocol = ChooseWebSocketProtocol(target_.kind, offered);
    const bool tunnel = protocol.has_value() && protocol->framing == WebSocketProtocol::Framing::kSpdy;
    if (!protocol.has_value() || (tunnel && !core_.spdy)) {
      return Refusal(http::status::forbidden, "unable to upgrade: none of the requested subprotocols is supported");
    }
    web_socket_ = *std::move(protocol);
    auto* forward = std::get_if<PortForwardRequest>(&request_);
    if (forward == nullptr || tunnel) {
      return std::nullopt;
    }
    ports_ = forward->ports;
    if (ports_.empty()) {
      auto ports = PortsOfQuery(target_.query);
      if (!ports.ok()) {
        return Refusal(http::status::bad_request, base::ToStd(ports.status().message()));
      }
      ports_ = *std::move(ports);
    }
    if (ports_.size() > kMaxChannelPorts) {
      return Refusal(http::status::bad_request, StrCat(ports_.size(), " ports: channels are there for ",
                                                       kMaxChannelPorts, ", SPDY/3.1 has no limit"));
    }
    return std::nullopt;
  }

  std::optional<Response> ChooseSpdy() {
    const auto offered = ListOf(message_, kStreamProtocolHeader);
    if (offered.empty()) {
      return Refusal(http::status::bad_request, StrCat("unable to upgrade: ", kStreamProtocolHeader, " is required"));
    }
    auto protocol = ChooseStreamProtocol(target_.kind, offered);
    if (!protocol.has_value() || !core_.spdy) {
      Response response = Refusal(http::status::forbidden, "unable to upgrade: unable to negotiate protocol");
      for (const std::string& name : StreamProtocols(target_.kind)) {
        response.insert(kAcceptedProtocolsHeader, name);
      }
      return response;
    }
    stream_protocol_ = *std::move(protocol);
    return std::nullopt;
  }

  Awaitable<void> Refuse(Response response) {
    const bool sent = co_await Send(socket_, std::move(response));
    if (sent) {
      co_await Linger(socket_);
    }
  }

  Awaitable<void> UpgradeToWebSocket() {
    const bool text = web_socket_.base64;
    auto socket = std::make_unique<WebSocket>(socket_, text);
    absl::Status accepted = co_await socket->Accept(message_, web_socket_.name);
    message_ = {};
    if (!accepted.ok()) {
      co_return;
    }
    if (web_socket_.framing == WebSocketProtocol::Framing::kSpdy) {
      SpdyUpgrade upgrade{core_.environment, client_.ending, TransportOver(std::move(socket)), web_socket_.tunnelled,
                          std::move(request_)};
      co_await core_.spdy(std::move(upgrade));
      co_return;
    }
    co_await ServeChannels(core_.environment, client_.ending, std::move(request_), std::move(ports_),
                           std::move(web_socket_), std::move(socket));
  }

  Awaitable<void> UpgradeToSpdy() {
    Response response(http::status::switching_protocols, 11);
    response.set(http::field::connection, "Upgrade");
    response.set(http::field::upgrade, "SPDY/3.1");
    response.set(kStreamProtocolHeader, stream_protocol_);
    message_ = {};
    const bool sent = co_await Send(socket_, std::move(response));
    if (!sent) {
      co_return;
    }
    SpdyUpgrade upgrade{core_.environment, client_.ending, TransportOver(socket_), stream_protocol_,
                        std::move(request_)};
    co_await core_.spdy(std::move(upgrade));
  }

  Core& core_;
  Client& client_;
  SocketStream socket_;
  AbortTimer too_slow_;
  HttpRequest message_;
  Target target_;
  Request request_;
  WebSocketProtocol web_socket_;
  std::vector<uint16_t> ports_;
  std::string stream_protocol_;
};

}  // namespace

Awaitable<void> ServeClient(Core& core, Client& client) {
  Conversation conversation(core, client);
  co_await conversation.Run();
  client.socket.Close();
}

}  // namespace rktlet::streaming
