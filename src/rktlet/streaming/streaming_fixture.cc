// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/streaming_fixture.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <filesystem>

#include "rktlet/streaming/base64.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using base::IsOk;
using boost::system::error_code;

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator begin("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin, std::filesystem::directory_iterator()));
}

struct UrlParts {
  tcp::endpoint server;
  std::string target;
};

UrlParts Split(const std::string& url) {
  constexpr std::string_view kHost = "://127.0.0.1:";
  const size_t host = url.find(kHost) + kHost.size();
  const size_t path = url.find('/', host);
  const auto port = static_cast<uint16_t>(std::stoi(url.substr(host, path - host)));
  return {tcp::endpoint(asio::ip::address_v4::loopback(), port), path == std::string::npos ? "/" : url.substr(path)};
}

using ClientStream = websocket::stream<tcp::socket>;

Awaitable<int> Handshake(ClientStream& stream, std::string url, std::string& protocol) {
  const UrlParts parts = Split(url);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.next_layer().async_connect(parts.server, token);
  if (error) {
    co_return 0;
  }
  stream.set_option(websocket::stream_base::decorator([protocol](websocket::request_type& request) {
    if (!protocol.empty()) {
      request.set(beast::http::field::sec_websocket_protocol, protocol);
    }
  }));
  websocket::response_type response;
  const std::string host = "localhost";
  co_await stream.async_handshake(response, host, parts.target, token);
  const auto named = response[beast::http::field::sec_websocket_protocol];
  protocol = std::string(named.data(), named.size());
  co_return static_cast<int>(response.result_int());
}

Awaitable<bool> Write(ClientStream& stream, std::string message) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::const_buffer buffer = asio::buffer(message);
  co_await stream.async_write(buffer, token);
  co_return !error;
}

Awaitable<bool> Read(ClientStream& stream, beast::flat_buffer& buffer) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.async_read(buffer, token);
  co_return !error;
}

Awaitable<bool> CloseStream(ClientStream& stream) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const websocket::close_reason reason(websocket::close_code::normal);
  co_await stream.async_close(reason, token);
  co_return !error;
}

Awaitable<std::string> ExchangeBytes(std::string url, std::string bytes) {
  tcp::socket socket(co_await asio::this_coro::executor);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const UrlParts parts = Split(url);
  co_await socket.async_connect(parts.server, token);
  const asio::const_buffer buffer = asio::buffer(bytes);
  co_await asio::async_write(socket, buffer, token);
  std::string answer;
  auto target = asio::dynamic_buffer(answer);
  co_await asio::async_read(socket, target, token);
  co_return answer;
}

}  // namespace

struct TestClient::Parts {
  explicit Parts(asio::io_context& loop) : stream(loop) {}
  ClientStream stream;
  beast::flat_buffer buffer;
};

TestClient::TestClient(engine::TestLoop& loop) : loop_(loop), parts_(std::make_unique<Parts>(loop.context())) {}
TestClient::~TestClient() = default;

void TestClient::Drop() { parts_->stream.next_layer().close(); }
void TestClient::Shrink() { parts_->stream.next_layer().set_option(asio::socket_base::receive_buffer_size(64 * 1024)); }

int TestClient::Connect(const std::string& url, const std::string& protocol) {
  protocol_ = protocol;
  parts_->stream.binary(true);
  parts_->stream.read_message_max(0);
  parts_->stream.auto_fragment(false);
  return loop_.Await(Handshake(parts_->stream, url, protocol_));
}

bool TestClient::Send(uint8_t channel, std::string_view data) {
  if (base64()) {
    return SendRaw(EncodeBase64(std::string(1, static_cast<char>('0' + channel)), data));
  }
  std::string message(1, static_cast<char>(channel));
  message += data;
  return SendRaw(message);
}

bool TestClient::SendRaw(std::string_view message) { return loop_.Await(Write(parts_->stream, std::string(message))); }

Message TestClient::Receive() {
  parts_->buffer.clear();
  if (!loop_.Await(Read(parts_->stream, parts_->buffer))) {
    return {-1, "", parts_->stream.reason().code};
  }
  const std::string bytes(static_cast<const char*>(parts_->buffer.data().data()), parts_->buffer.size());
  if (bytes.empty()) {
    return {-2, "an empty message", 0};
  }
  if (!base64()) {
    return {static_cast<uint8_t>(bytes[0]), bytes.substr(1), 0};
  }
  Message message{bytes[0] - '0', "", 0};
  EXPECT_TRUE(Base64Decoder().Feed(bytes.substr(1), message.data));
  return message;
}

std::vector<std::string> TestClient::ReceiveAll(int* close_code) {
  std::vector<std::string> channels(8);
  while (true) {
    Message message = Receive();
    if (message.channel < 0) {
      if (close_code != nullptr) {
        *close_code = message.close_code;
      }
      return channels;
    }
    channels.at(static_cast<size_t>(message.channel)) += message.data;
  }
}

void TestClient::Close() { loop_.Await(CloseStream(parts_->stream)); }

void StreamingTest::SetUp() {
  const asio::ip::tcp::socket begin(loop_.context());  // makes the loop open what it needs itself
  descriptors_ = OpenDescriptors();
  StartServer({});
}

void StreamingTest::StartServer(Server::Options options) {
  auto server = Server::Start(loop_.context().get_executor(), backend_, limits_, std::move(options));
  ASSERT_THAT(server, IsOk());
  server_ = *std::move(server);
}

void StreamingTest::StopServer(std::chrono::nanoseconds grace) {
  auto stop = [](Server& server, std::chrono::nanoseconds time) -> Awaitable<bool> {
    co_await server.Stop(time);
    co_return true;
  };
  EXPECT_TRUE(loop_.Await(stop(*server_, grace)));
}

void StreamingTest::RestartServer(Server::Options options) {
  StopServer();
  StartServer(std::move(options));
}

void StreamingTest::TearDown() {
  if (server_ != nullptr) {
    StopServer(std::chrono::milliseconds(50));
    EXPECT_EQ(server_->clients(), 0U);
    EXPECT_EQ(server_->buffered(), 0U);
    server_.reset();
  }
  for (const auto& process : backend_.processes) {
    EXPECT_TRUE(process->destroyed);
  }
  backend_.processes.clear();
  backend_.connections.clear();
  EXPECT_EQ(OpenDescriptors(), descriptors_);
}

Request StreamingTest::Exec(bool input, bool output, bool error, bool tty) {
  ExecRequest request;
  request.pod = *spec::PodId::Parse(std::string(64, 'a'));
  request.app = *spec::AppName::Parse(std::string(64, 'b'));
  request.command = {"sh"};
  request.tty = tty;
  request.input = input;
  request.output = output;
  request.error = error;
  return request;
}

Request StreamingTest::Attach(bool input, bool output, bool error, bool tty) {
  const auto exec = std::get<ExecRequest>(Exec(input, output, error, tty));
  return AttachRequest{static_cast<const StdioRequest&>(exec)};
}

std::string StreamingTest::Url(Request request) {
  auto url = server_->UrlFor(std::move(request));
  EXPECT_THAT(url, IsOk());
  return url.ok() ? *url : "";
}

std::unique_ptr<TestClient> StreamingTest::Open(Request request, const std::string& protocol) {
  const size_t before = backend_.processes.size();
  auto client = Client();
  EXPECT_EQ(client->Connect(Url(std::move(request)), protocol), 101);
  EXPECT_TRUE(Eventually([&] { return backend_.processes.size() > before; }));
  return client;
}

std::string StreamingTest::Exchange(const std::string& bytes) {
  return loop_.Await(ExchangeBytes(server_->url(), bytes));
}

}  // namespace rktlet::streaming
