// SPDX-License-Identifier: Apache-2.0
// Whole streams over all that a client may come through: TCP with TLS, and unix sockets.
#include <sys/socket.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/files.h"
#include "rktlet/spdy/connection.h"
#include "rktlet/streaming/socket_stream.h"
#include "rktlet/streaming/streaming_fixture.h"
#include "rktlet/streaming/test_certificate.h"
#include "rktlet/streaming/transports.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

using ClientStream = websocket::stream<SocketStream, false>;

Awaitable<bool> Secure(SocketStream& socket) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket.tls()->async_handshake(asio::ssl::stream_base::client, token);
  co_return !error;
}

Awaitable<bool> WriteTo(SocketStream& socket, std::string bytes) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::const_buffer source = asio::buffer(bytes);
  co_await asio::async_write(socket, source, token);
  co_return !error;
}

// Empty at the end.
Awaitable<std::string> ReadFrom(SocketStream& socket) {
  std::array<char, 16384> bytes;
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::mutable_buffer target = asio::buffer(bytes);
  const size_t size = co_await socket.async_read_some(target, token);
  co_return std::string(bytes.data(), size);
}

Awaitable<void> ReadAndTell(Transport& transport, bool& done) {
  std::array<char, 64> bytes;
  const auto size = co_await transport.Read(bytes);
  EXPECT_THAT(size, base::IsOk());
  done = true;
}

Awaitable<void> CloseAndTell(Transport& transport, bool& done) {
  co_await transport.Close();
  done = true;
}

Awaitable<bool> Upgrade(ClientStream& stream, std::string target) {
  stream.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
    request.set(beast::http::field::sec_websocket_protocol, "v5.channel.k8s.io");
  }));
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const std::string host = "localhost";
  co_await stream.async_handshake(host, target, token);
  co_return !error;
}

Awaitable<bool> Send(ClientStream& stream, std::string message) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::const_buffer source = asio::buffer(message);
  co_await stream.async_write(source, token);
  co_return !error;
}

// Empty at the end: all messages name a channel.
Awaitable<std::string> Receive(ClientStream& stream) {
  beast::flat_buffer buffer;
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.async_read(buffer, token);
  co_return error ? std::string() : beast::buffers_to_string(buffer.data());
}

// Of which no two pieces are alike.
std::string ManyBytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  return bytes;
}

class TransportsTest : public StreamingTest, public testing::WithParamInterface<const char*> {
 protected:
  bool tls() const { return GetParam() == std::string("tls"); }

  void SetUp() override {
    StreamingTest::SetUp();
    Server::Options options;
    if (tls()) {
      options.certificate = dir_.File("tls.crt");
      options.key = dir_.File("tls.key");
      MakeCertificate("one", KeyKind::kEcdsa, options.certificate, options.key);
    } else {
      options.address = dir_.File("streams.sock");
    }
    RestartServer(std::move(options));
  }

  SocketStream Connect() {
    SocketStream::Socket socket(loop_.context());
    if (tls()) {
      const auto port = static_cast<uint16_t>(std::stoi(server_->url().substr(server_->url().rfind(':') + 1)));
      socket.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
    } else {
      socket.connect(asio::local::stream_protocol::endpoint(dir_.File("streams.sock")));
    }
    SocketStream stream(std::move(socket));
    if (tls()) {
      stream.UseTls(std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client));
      EXPECT_TRUE(loop_.Await(Secure(stream)));
    }
    return stream;
  }

  std::string Target(Request request) { return Url(std::move(request)).substr(server_->url().size()); }

  // What the process's input has got until now; whether that was the end.
  bool InputIs(const std::string& expected) {
    return Eventually([&] { return process().ReadInput(input_); }) && input_ == expected;
  }

  base::TempDir dir_;
  std::string input_;
};

INSTANTIATE_TEST_SUITE_P(All, TransportsTest, testing::Values("tls", "unix"));

TEST_P(TransportsTest, CarryAWebSocketsBytesItsHalfCloseAndAnEndInOrder) {
  SocketStream socket = Connect();
  ClientStream client(socket);
  client.binary(true);
  ASSERT_TRUE(loop_.Await(Upgrade(client, Target(Exec(true, true, true)))));
  ASSERT_TRUE(Eventually([&] { return backend_.processes.size() == 1; }));
  const std::string bytes = ManyBytes(120'000);
  for (size_t at = 0; at < bytes.size(); at += 20'000) {
    ASSERT_TRUE(loop_.Await(Send(client, std::string(1, '\0') + bytes.substr(at, 20'000))));
    EXPECT_FALSE(process().ReadInput(input_));
  }
  ASSERT_TRUE(loop_.Await(Send(client, std::string("\xff\x00", 2))));
  EXPECT_TRUE(InputIs(bytes));
  // The command goes on when its input is at its end.
  std::map<char, std::string> channels;
  size_t written = 0;
  while (channels[1].size() < bytes.size()) {
    written += FakeProcess::WriteSome(process().output, std::string_view(bytes).substr(written));
    const std::string message = loop_.Await(Receive(client));
    ASSERT_FALSE(message.empty());
    channels[message[0]] += message.substr(1);
  }
  FakeProcess::WriteSome(process().error, "last words");
  process().Exit(7);
  for (std::string message = loop_.Await(Receive(client)); !message.empty(); message = loop_.Await(Receive(client))) {
    channels[message[0]] += message.substr(1);
  }
  EXPECT_EQ(client.reason().code, websocket::close_code::normal);
  EXPECT_TRUE(channels[1] == bytes);
  EXPECT_EQ(channels[2], "last words");
  EXPECT_EQ(json::parse(channels[3])["details"]["causes"][0]["message"], "7");
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
  socket.Close();
}

TEST_P(TransportsTest, CarryASpdySessionsBytesItsHalfCloseAndAnEndInOrder) {
  SocketStream socket = Connect();
  ASSERT_TRUE(loop_.Await(WriteTo(socket, "POST " + Target(Exec(true, true, true)) +
                                              " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                                              "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n")));
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string more = loop_.Await(ReadFrom(socket));
    ASSERT_FALSE(more.empty());
    head += more;
  }
  ASSERT_THAT(head, StartsWith("HTTP/1.1 101 "));

  spdy::Connection client(spdy::Role::kClient, spdy::Limits{.max_output = 1 << 20});
  std::map<spdy::StreamId, std::string> got;
  std::set<spdy::StreamId> ended;
  bool goaway = false;
  const auto flush = [&] {
    std::string output;
    client.TakeOutput(&output);
    return output.empty() || loop_.Await(WriteTo(socket, output));
  };
  // False: the server has closed.
  const auto receive = [&] {
    const std::string bytes = loop_.Await(ReadFrom(socket));
    std::string_view input = bytes;
    while (const auto event = client.Next(&input)) {
      EXPECT_NE(event->kind, spdy::Event::Kind::kFailed);
      got[event->stream] += event->data;
      client.Consumed(event->stream, event->data.size());
      goaway = goaway || event->kind == spdy::Event::Kind::kGoAway;
      if (event->end) {
        ended.insert(event->stream);
      }
    }
    return !bytes.empty();
  };
  const spdy::StreamId status = client.Open({{"streamtype", "error"}});
  const spdy::StreamId in = client.Open({{"streamtype", "stdin"}});
  const spdy::StreamId out = client.Open({{"streamtype", "stdout"}});
  const spdy::StreamId error = client.Open({{"streamtype", "stderr"}});
  ASSERT_TRUE(flush());
  ASSERT_TRUE(Eventually([&] { return backend_.processes.size() == 1; }));

  const std::string bytes = ManyBytes(120'000);
  for (size_t at = 0; at < bytes.size(); at += 20'000) {
    ASSERT_EQ(client.Write(in, std::string_view(bytes).substr(at, 20'000)), 20'000U);
    ASSERT_TRUE(flush());
    EXPECT_FALSE(process().ReadInput(input_));
  }
  client.End(in);
  ASSERT_TRUE(flush());
  EXPECT_TRUE(InputIs(bytes));
  size_t written = 0;
  while (got[out].size() < bytes.size()) {
    written += FakeProcess::WriteSome(process().output, std::string_view(bytes).substr(written));
    ASSERT_TRUE(receive());
    ASSERT_TRUE(flush());
  }
  FakeProcess::WriteSome(process().error, "last words");
  process().Exit(7);
  while (receive()) {
  }
  EXPECT_TRUE(got[out] == bytes);
  EXPECT_EQ(got[error], "last words");
  EXPECT_THAT(got[status], HasSubstr("\"7\""));
  EXPECT_TRUE(ended.contains(out) && ended.contains(error) && ended.contains(status));
  EXPECT_TRUE(goaway);
  socket.Close();
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

// A peer that answers a byte to a closed socket is reset, and what it has yet to read is lost.
TEST_F(StreamingTest, ATransportThatClosesLeavesASlowClientTheRest) {
  asio::ip::tcp::acceptor acceptor(loop_.context(), {asio::ip::address_v4::loopback(), 0});
  asio::ip::tcp::socket connected(loop_.context());
  connected.open(asio::ip::tcp::v4());
  connected.set_option(asio::socket_base::receive_buffer_size(4096));
  connected.connect(acceptor.local_endpoint());
  SocketStream client(SocketStream::Socket(std::move(connected)));
  asio::ip::tcp::socket accepted = acceptor.accept();
  accepted.set_option(asio::socket_base::send_buffer_size(1 << 20));
  const std::unique_ptr<Transport> transport = TransportOver(SocketStream(SocketStream::Socket(std::move(accepted))));

  const std::string bytes = ManyBytes(200'000);
  ASSERT_THAT(loop_.Await(transport->Write(bytes)), base::IsOk());
  bool read = false;
  bool closed = false;
  asio::co_spawn(loop_.context(), ReadAndTell(*transport, read), asio::detached);
  asio::co_spawn(loop_.context(), CloseAndTell(*transport, closed), asio::detached);
  ASSERT_TRUE(loop_.Await(WriteTo(client, "first")));
  ASSERT_TRUE(Eventually([&] { return read; }));
  std::string got;
  while (got.size() < bytes.size()) {
    ASSERT_TRUE(loop_.Await(WriteTo(client, "more")));
    const std::string piece = loop_.Await(ReadFrom(client));
    ASSERT_FALSE(piece.empty()) << "after " << got.size() << " bytes";
    got += piece;
  }
  EXPECT_TRUE(got == bytes);
  EXPECT_THAT(loop_.Await(ReadFrom(client)), testing::IsEmpty());
  EXPECT_FALSE(closed);
  client.Close();
  EXPECT_TRUE(Eventually([&] { return closed; }));
}

}  // namespace
}  // namespace rktlet::streaming
