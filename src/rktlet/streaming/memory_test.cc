// SPDX-License-Identifier: Apache-2.0
// What hostile clients can make us keep: they send all that they can, read nothing, and everything behind us pours.
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>

#include "base/strings.h"
#include "rktlet/spdy/connection.h"
#include "rktlet/spdy/test_peer.h"
#include "rktlet/streaming/spdy_serve.h"
#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

using base::StrCat;
using testing::HasSubstr;
using testing::Le;

// As docs/streaming.md says.
constexpr size_t kMaxOfConnection = 1536 << 10;
constexpr size_t kMaxOfForward = 16 << 10;

size_t LiveHeap() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// A client that has no memory of its own: only a socket.
class BareClient {
 public:
  explicit BareClient(const std::string& url) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const size_t begin = url.rfind(':') + 1;
    const size_t end = url.find('/', begin);
    uint16_t port = 0;
    std::from_chars(url.data() + begin, url.data() + std::min(end, url.size()), port);
    const int small = 4096;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    target_ = url.substr(end);
  }

  // Exactly the answer's head is read.
  bool Upgraded() {
    char byte = 0;
    while (!answer_.ends_with("\r\n\r\n") && ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT) == 1) {
      answer_ += byte;
    }
    return answer_.ends_with("\r\n\r\n");
  }
  const std::string& answer() const { return answer_; }

  void Upgrade(const std::string& headers) {
    Send(StrCat("GET ", target_, " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n", headers, "\r\n"));
  }
  // The same again and again, as much of it as goes: the number of bytes.
  size_t SendOn(std::string_view bytes) {
    const size_t size = Send(bytes.substr(position_));
    position_ = (position_ + size) % bytes.size();
    return size;
  }
  // As much of it as goes: the number of bytes.
  size_t Send(std::string_view bytes) {
    const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return size < 0 ? 0 : static_cast<size_t>(size);
  }

 private:
  base::UniqueFd fd_;
  std::string target_;
  std::string answer_;
  size_t position_ = 0;
};

std::string WebSocketHeaders(const std::string& protocol) {
  return StrCat("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                "Sec-WebSocket-Protocol: ", protocol, "\r\n");
}

std::string SpdyHeaders(const std::string& protocol) {
  return StrCat("Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ", protocol, "\r\n");
}

// The head of a message that would be endless, for a channel; its mask changes nothing.
std::string EndlessMessage(uint8_t channel) {
  std::string bytes = "\x82";
  bytes += static_cast<char>(0x80 | 127);
  bytes += std::string("\0\0\x7f\0\0\0\0\0", 8) + std::string(4, '\0');
  bytes += static_cast<char>(channel);
  return bytes;
}

std::string DataFrames(spdy::Connection& client, spdy::StreamId stream, size_t size) {
  const std::string payload(16 << 10, 'd');
  while (size > 0) {
    const size_t written = client.Write(stream, payload);
    if (written == 0) {
      break;
    }
    size -= std::min(size, written);
  }
  return std::string(client.Output());
}

constexpr spdy::Limits kGreedy{.max_output = 64 << 20};

class MemoryTest : public StreamingTest {
 protected:
  void SetUp() override {
    StreamingTest::SetUp();
    limits_.finish_time = std::chrono::milliseconds(50);
    Server::Options options;
    options.spdy = ServeSpdy;
    RestartServer(std::move(options));
    ASSERT_NE(LiveHeap(), 0U) << "this allocator says nothing";
  }

  void Turn() {
    loop_.context().restart();
    loop_.context().poll();
  }

  // All that can be written to the connections of this kind is, by everyone, until nothing goes any more.
  void Flood(std::vector<std::unique_ptr<BareClient>>& clients, const std::string& bytes) {
    static const std::string pour(64 << 10, 'p');
    int quiet = 0;
    while (quiet < 30) {
      size_t moved = 0;
      for (const auto& client : clients) {
        moved += client->SendOn(bytes);
      }
      for (const auto& process : backend_.processes) {
        moved += FakeProcess::WriteSome(process->output, pour) + FakeProcess::WriteSome(process->error, pour);
      }
      for (const auto& [port, socket] : backend_.connections) {
        moved += FakeProcess::WriteSome(socket, pour);
      }
      Turn();
      quiet = moved == 0 ? quiet + 1 : 0;
    }
  }

  // `first` is what each client sends after its upgrade, `more` what it repeats; the heap of each.
  size_t CostOfEach(size_t count, const std::function<std::string()>& url, const std::string& headers,
                    const std::string& first, const std::string& more, const std::function<bool()>& ready) {
    std::vector<std::unique_ptr<BareClient>> clients;
    const size_t before = LiveHeap();
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<BareClient>(url()));
      BareClient& client = *clients.back();
      client.Upgrade(headers);
      EXPECT_TRUE(Eventually([&] { return client.Upgraded(); }));
      EXPECT_THAT(client.answer(), HasSubstr(" 101 "));
      size_t sent = 0;
      EXPECT_TRUE(
          Eventually([&] { return (sent += client.Send(std::string_view(first).substr(sent))) == first.size(); }));
    }
    EXPECT_TRUE(Eventually(ready));
    Flood(clients, more);
    EXPECT_EQ(server_->clients(), count);  // nobody was sent away
    const size_t cost = (LiveHeap() - std::min(before, LiveHeap())) / count;
    RecordProperty("bytes", StrCat(cost));
    std::printf("    %zu bytes of heap for each of %zu clients\n", cost, count);
    return cost;
  }

  static constexpr size_t kClients = 16;
};

TEST_F(MemoryTest, OfAWebSocketThatReadsNothingAndSendsAnEndlessMessageIsBounded) {
  const size_t cost = CostOfEach(
      kClients, [this] { return Url(Exec(true, true, true)); }, WebSocketHeaders("v5.channel.k8s.io"),
      EndlessMessage(0), std::string(64 << 10, 'x'), [this] { return backend_.processes.size() == kClients; });
  EXPECT_THAT(cost, Le(kMaxOfConnection));
}

TEST_F(MemoryTest, OfASpdySessionThatReadsNothingAndSendsWithoutEndIsBounded) {
  std::string first;
  std::string more;
  {
    spdy::Connection client(spdy::Role::kClient, kGreedy);
    spdy::StreamId input = 0;
    for (const char* type : {"error", "stdin", "stdout", "stderr"}) {
      const spdy::StreamId stream = client.Open({{"streamtype", type}});
      input = type == std::string_view("stdin") ? stream : input;
    }
    client.TakeOutput(&first);
    more = DataFrames(client, input, 4 << 20);
  }
  const size_t cost = CostOfEach(
      kClients, [this] { return Url(Exec(true, true, true)); }, SpdyHeaders("v4.channel.k8s.io"), first, more,
      [this] { return backend_.processes.size() == kClients; });
  EXPECT_THAT(cost, Le(kMaxOfConnection));
}

TEST_F(MemoryTest, OfStreamsThatNobodyAskedForIsBounded) {
  spdy::Peer client;
  std::string first = client.SynStream(1, {{"streamtype", "error"}});
  for (spdy::StreamId stream = 3; stream < 16000; stream += 2) {
    first += client.SynStream(stream, {{"streamtype", "stdin"}}, true, true);
  }
  std::string more;
  for (int i = 0; i < 1000; ++i) {
    more += spdy::Peer::Ping(1);
  }
  const size_t cost = CostOfEach(
      kClients, [this] { return Url(Exec(false, true, true)); }, SpdyHeaders("v4.channel.k8s.io"), first, more,
      [] { return true; });
  EXPECT_THAT(cost, Le(kMaxOfConnection));
}

TEST_F(MemoryTest, OfForwardedPortsIsSharedByAllOfThem) {
  constexpr size_t kPorts = 100;
  constexpr size_t kFew = 4;
  limits_.forward_buffers = 1 << 20;
  std::string query = "?port=1000";
  for (size_t port = 1001; port < 1000 + kPorts; ++port) {
    query += StrCat("&port=", port);
  }
  const size_t cost = CostOfEach(
      kFew,
      [&] {
        return Url(PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), {}}) + query;
      },
      WebSocketHeaders("v4.channel.k8s.io"), EndlessMessage(0), std::string(64 << 10, 'x'),
      [this] { return backend_.connections.size() == kFew * kPorts; });
  EXPECT_THAT(cost, Le(kPorts * kMaxOfForward + limits_.forward_buffers / kFew + (256 << 10)));
}

TEST_F(MemoryTest, OfASpdySessionWithManyForwardedPortsIsBounded) {
  constexpr size_t kPorts = 200;
  constexpr size_t kFew = 2;
  limits_.forward_buffers = 1 << 20;
  std::string first;
  std::string more;
  {
    spdy::Connection client(spdy::Role::kClient, kGreedy);
    std::vector<spdy::StreamId> streams;
    for (size_t i = 0; i < kPorts; ++i) {
      const std::string id = StrCat(i);
      client.Open({{"streamtype", "error"}, {"port", "80"}, {"requestid", id}}, true);
      streams.push_back(client.Open({{"streamtype", "data"}, {"port", "80"}, {"requestid", id}}));
    }
    client.TakeOutput(&first);
    for (const spdy::StreamId stream : streams) {
      more = DataFrames(client, stream, 16 << 10);
    }
  }
  const size_t cost = CostOfEach(
      kFew,
      [&] {
        return Url(PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), {}});
      },
      SpdyHeaders("portforward.k8s.io"), first, more, [this] { return backend_.connections.size() == kFew * kPorts; });
  EXPECT_THAT(cost, Le(kMaxOfConnection + kPorts * kMaxOfForward + limits_.forward_buffers / kFew));
}

TEST_F(MemoryTest, MoreForwardedPortsThanTheLimitAreRefused) {
  limits_.total_forwards = 1;
  auto client = Client();
  const Request request = PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), {80, 81}};
  ASSERT_EQ(client->Connect(Url(request), "v4.channel.k8s.io"), 101);
  std::string error;
  while (error.find("too many") == std::string::npos) {
    const Message message = client->Receive();
    ASSERT_GE(message.channel, 0) << error;
    error += message.data;
  }
  EXPECT_EQ(backend_.connections.size(), 1U);
  client->Drop();
}

}  // namespace
}  // namespace rktlet::streaming
