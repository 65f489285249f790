// SPDX-License-Identifier: Apache-2.0
// What comes before a stream: tokens, upgrades, bad requests, TLS, unix sockets, the end.
#include <openssl/x509.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "rktlet/streaming/streaming_fixture.h"
#include "rktlet/streaming/test_certificate.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
using base::StatusCodeIs;
using boost::system::error_code;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr char kV5[] = "v5.channel.k8s.io";

class HttpTest : public StreamingTest {
 protected:
  std::string Path(Request request) { return Url(std::move(request)).substr(server_->url().size()); }
  std::string Get(const std::string& path, const std::string& headers = "") {
    return Exchange("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  }
};

TEST_F(HttpTest, AUrlWorksOnce) {
  const std::string url = Url(Exec(false, true, false));
  auto client = Client();
  ASSERT_EQ(client->Connect(url, kV5), 101);
  EXPECT_EQ(Client()->Connect(url, kV5), 404);
  ASSERT_TRUE(Eventually([&] { return !backend_.processes.empty(); }));
  process().Exit(0);
  client->ReceiveAll();
}

TEST_F(HttpTest, ATokenIsForItsKindAlone) {
  std::string url = Url(Exec(false, true, false));
  url.replace(url.find("/exec/"), 6, "/attach/");
  EXPECT_EQ(Client()->Connect(url, kV5), 404);
  url.replace(url.find("/attach/"), 8, "/exec/");
  EXPECT_EQ(Client()->Connect(url, kV5), 404);  // used up by the attempt
}

TEST_F(HttpTest, WhatIsNoStreamIsNotFound) {
  for (const char* path : {"/", "/exec/unknown", "/healthz", "/exec/../etc/passwd"}) {
    EXPECT_THAT(Get(path), StartsWith("HTTP/1.1 404 ")) << path;
  }
}

TEST_F(HttpTest, ARequestAsksForAnUpgrade) {
  EXPECT_THAT(Get(Path(Exec(false, true, false))), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("DELETE " + Path(Exec(false, true, false)) + " HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Exchange("POST " + Path(Exec(false, true, false)) + " HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpTest, UnknownSubprotocolsAreForbidden) {
  EXPECT_EQ(Client()->Connect(Url(Exec(false, true, false)), "mqtt"), 403);
}

// A handler that says which protocol and echoes: in the place of SPDY.
Awaitable<void> Echo(SpdyUpgrade upgrade) {
  const std::string hello = "<" + upgrade.protocol + ">";
  absl::Status status = co_await upgrade.transport->Write(hello);
  std::array<char, 100> buffer;
  while (status.ok()) {
    auto size = co_await upgrade.transport->Read(buffer);
    if (!size.ok() || *size == 0) {
      break;
    }
    const std::string_view bytes(buffer.data(), *size);
    status = co_await upgrade.transport->Write(bytes);
    if (bytes.find("bye") != std::string_view::npos) {
      break;
    }
  }
  co_await upgrade.transport->Close();
}

class SpdyUpgradeTest : public HttpTest {
 protected:
  void SetUp() override {
    HttpTest::SetUp();
    Restart(Echo);
  }
  void Restart(SpdyHandler spdy) {
    Server::Options options;
    options.spdy = std::move(spdy);
    RestartServer(std::move(options));
  }
};

TEST_F(SpdyUpgradeTest, WithoutAHandlerSpdyIsForbiddenAndOursAreNamed) {
  Restart(nullptr);
  const std::string answer = Get(Path(Exec(false, true, false)),
                                 "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: "
                                 "v4.channel.k8s.io\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, HasSubstr("X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"));
}

TEST_F(SpdyUpgradeTest, TheClientsFirstProtocolThatWeSpeakIsNegotiatedAndEarlyBytesAreRead) {
  const std::string request =
      "POST " + Path(Exec(false, true, false)) +
      " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
      "X-Stream-Protocol-Version: v9.channel.k8s.io\r\nX-Stream-Protocol-Version: "
      "v4.channel.k8s.io\r\n\r\nhello and bye";
  const std::string answer = Exchange(request);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(answer, HasSubstr("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
  EXPECT_THAT(answer, HasSubstr("Upgrade: SPDY/3.1\r\n"));
  EXPECT_THAT(answer, HasSubstr("<v4.channel.k8s.io>hello and bye"));
}

TEST_F(SpdyUpgradeTest, NeedsAProtocolInCommon) {
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
  EXPECT_THAT(Get(Path(Exec(false, true, false)), upgrade), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Get(Path(Exec(false, true, false)), upgrade + "X-Stream-Protocol-Version: portforward.k8s.io\r\n"),
              StartsWith("HTTP/1.1 403 "));
}

TEST_F(SpdyUpgradeTest, PortForwardTunnelsItInAWebSocket) {
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(PortForwardRequest{}), "SPDY/3.1+portforward.k8s.io"), 101);
  EXPECT_EQ(client->protocol(), "SPDY/3.1+portforward.k8s.io");
  Message hello = client->Receive();
  EXPECT_EQ(static_cast<char>(hello.channel) + hello.data, "<portforward.k8s.io>");
  ASSERT_TRUE(client->SendRaw(""));
  ASSERT_TRUE(client->SendRaw("bye"));
  EXPECT_EQ(client->Receive().data, "ye");
  EXPECT_EQ(client->Receive().close_code, 1000);
}

TEST_F(HttpTest, GarbageIsABadRequest) {
  EXPECT_THAT(Exchange("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET / HTTP/9.9\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("GET /exec/x HTTP/1.1\r\n: no name\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpTest, OverlongHeadersAreRefusedAndReadNoFurther) {
  EXPECT_THAT(Get("/exec/x", "X-Long: " + std::string(1 << 20, 'a') + "\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Get("/" + std::string(100'000, 'a')), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpTest, AHalfWrittenRequestEndsInTime) {
  limits_.handshake_time = std::chrono::milliseconds(30);
  EXPECT_THAT(Exchange("GET /exec/x HTTP/1.1\r\nHost:"), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

TEST_F(HttpTest, SilentConnectionsMakeRoomForNewOnes) {
  limits_.handshakes = 4;
  std::vector<asio::ip::tcp::socket> silent;
  for (size_t i = 0; i < 8; ++i) {
    silent.emplace_back(loop_.context());
    const auto port = static_cast<uint16_t>(std::stoi(server_->url().substr(server_->url().rfind(':') + 1)));
    silent.back().connect({asio::ip::address_v4::loopback(), port});
    EXPECT_TRUE(Eventually([&] { return server_->clients() == std::min<size_t>(i + 1, 4); }));
  }
  auto client = Open(Exec(false, true, false), kV5);
  process().Exit(0);
  client->ReceiveAll();
}

TEST_F(HttpTest, StreamsAreBoundedInNumber) {
  limits_.connections = 1;
  auto client = Open(Exec(false, true, false), kV5);
  EXPECT_EQ(Client()->Connect(Url(Exec(false, true, false)), kV5), 503);
  process().Exit(0);
  client->ReceiveAll();
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
  auto next = Open(Exec(false, true, false), kV5);
  process(1).Exit(0);
  next->ReceiveAll();
}

Awaitable<bool> StopAndTell(Server& server, std::chrono::nanoseconds grace, bool& stopped) {
  co_await server.Stop(grace);
  stopped = true;
  co_return true;
}

TEST_F(HttpTest, AStopLetsStreamsFinishAndTakesNoNewOnes) {
  auto client = Open(Exec(false, true, false), kV5);
  const std::string unused = Url(Exec(false, true, false));
  bool stopped = false;
  asio::co_spawn(loop_.context(), StopAndTell(*server_, std::chrono::seconds(20), stopped),
                 [](const std::exception_ptr&, bool) {});
  EXPECT_TRUE(Eventually([&] { return Client()->Connect(unused, kV5) != 101; }));
  EXPECT_THAT(server_->UrlFor(Exec(false, true, false)), StatusCodeIs(absl::StatusCode::kUnavailable));
  FakeProcess::WriteSome(process().output, "to the end");
  process().Exit(0);
  EXPECT_EQ(client->ReceiveAll()[1], "to the end");
  EXPECT_TRUE(Eventually([&] { return stopped; }));
}

TEST_F(HttpTest, AStopCutsOffWhatTakesTooLong) {
  auto client = Open(Exec(true, true, false), kV5);
  bool stopped = false;
  EXPECT_TRUE(loop_.Await(StopAndTell(*server_, std::chrono::milliseconds(20), stopped)));
  EXPECT_TRUE(process().destroyed);
  EXPECT_EQ(server_->clients(), 0U);
}

// The name in the server's certificate and what it answers.
Awaitable<std::pair<std::string, std::string>> SecureExchange(std::string url, std::string bytes) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  asio::ssl::stream<asio::ip::tcp::socket> stream(co_await asio::this_coro::executor, context);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto port = static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  const asio::ip::tcp::endpoint server(asio::ip::address_v4::loopback(), port);
  co_await stream.next_layer().async_connect(server, token);
  co_await stream.async_handshake(asio::ssl::stream_base::client, token);
  std::pair<std::string, std::string> result;
  if (error) {
    co_return result;
  }
  X509* certificate = SSL_get1_peer_certificate(stream.native_handle());
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
  X509_free(certificate);
  result.first = name.data();
  const asio::const_buffer source = asio::buffer(bytes);
  co_await asio::async_write(stream, source, token);
  auto target = asio::dynamic_buffer(result.second);
  co_await asio::async_read(stream, target, token);
  co_return result;
}

TEST_F(HttpTest, TlsReadsItsCertificateAgainWhenItChanges) {
  base::TempDir dir;
  const std::string certificate = dir.File("tls.crt");
  const std::string key = dir.File("tls.key");
  MakeCertificate("one", KeyKind::kEcdsa, certificate, key);
  RestartServer({.certificate = certificate, .key = key});
  EXPECT_THAT(server_->url(), StartsWith("https://127.0.0.1:"));
  const std::string request = "GET /exec/x HTTP/1.1\r\n\r\n";
  auto answer = loop_.Await(SecureExchange(server_->url(), request));
  EXPECT_EQ(answer.first, "one");
  EXPECT_THAT(answer.second, StartsWith("HTTP/1.1 404 "));
  MakeCertificate("two", KeyKind::kEcdsa, certificate, key);
  EXPECT_EQ(loop_.Await(SecureExchange(server_->url(), request)).first, "two");
  std::ofstream(key) << "no key";
  EXPECT_EQ(loop_.Await(SecureExchange(server_->url(), request)).first, "two");
  EXPECT_THAT(Exchange("GET / HTTP/1.1\r\n\r\n"), AnyOf(IsEmpty(), testing::Not(HasSubstr("HTTP"))));
}

// As one file after the other is replaced, by a pair of another kind.
TEST_F(HttpTest, TlsKeepsItsPairUntilTheNewOneIsWhole) {
  base::TempDir dir;
  const std::string certificate = dir.File("tls.crt");
  const std::string key = dir.File("tls.key");
  MakeCertificate("one", KeyKind::kRsa, certificate, key);
  RestartServer({.certificate = certificate, .key = key});
  const std::string request = "GET /exec/x HTTP/1.1\r\n\r\n";
  EXPECT_EQ(loop_.Await(SecureExchange(server_->url(), request)).first, "one");
  MakeCertificate("two", KeyKind::kEcdsa, dir.File("new.crt"), dir.File("new.key"));
  std::filesystem::rename(dir.File("new.crt"), certificate);
  EXPECT_EQ(loop_.Await(SecureExchange(server_->url(), request)).first, "one");
  EXPECT_THAT(Server::Start(loop_.context().get_executor(), backend_, limits_, {.certificate = certificate, .key = key})
                  .status(),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not the key of")));
  std::filesystem::rename(dir.File("new.key"), key);
  EXPECT_EQ(loop_.Await(SecureExchange(server_->url(), request)).first, "two");
}

TEST_F(HttpTest, BadCertificatesAndAddressesFailAtTheStart) {
  auto start = [this](Server::Options options) {
    return Server::Start(loop_.context().get_executor(), backend_, limits_, std::move(options)).status();
  };
  EXPECT_THAT(start({.certificate = "/nonexistent", .key = "/nonexistent"}),
              StatusCodeIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(start({.certificate = "/nonexistent"}), StatusCodeIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(start({.address = "nowhere"}), StatusCodeIs(absl::StatusCode::kInvalidArgument));
}

Awaitable<std::string> UnixExchange(std::string path, std::string bytes) {
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::local::stream_protocol::endpoint server(path);
  co_await socket.async_connect(server, token);
  const asio::const_buffer source = asio::buffer(bytes);
  co_await asio::async_write(socket, source, token);
  std::string answer;
  auto target = asio::dynamic_buffer(answer);
  co_await asio::async_read(socket, target, token);
  co_return answer;
}

TEST_F(HttpTest, AUnixSocketServesUnderTheUrlThatIsConfigured) {
  base::TempDir dir;
  StopServer();
  Server::Options options;
  options.address = dir.File("run/streaming.sock");
  options.url = "https://node.example/streams/";
  StartServer(std::move(options));
  EXPECT_THAT(Url(Exec(false, true, false)), StartsWith("https://node.example/streams/exec/"));
  EXPECT_THAT(loop_.Await(UnixExchange(dir.File("run/streaming.sock"), "GET /x HTTP/1.1\r\n\r\n")),
              StartsWith("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace rktlet::streaming
