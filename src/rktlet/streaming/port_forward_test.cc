// SPDX-License-Identifier: Apache-2.0
// Port-forward over the channels of a WebSocket.
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kV4[] = "v4.channel.k8s.io";

class PortForwardTest : public StreamingTest {
 protected:
  static Request Ports(std::vector<uint16_t> ports) {
    return PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), std::move(ports)};
  }
  const base::UniqueFd& pod_end(size_t index) { return backend_.connections.at(index).second; }
  // True at the end of what the client sends.
  bool PodReads(size_t index, std::string& bytes) {
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(pod_end(index).get(), buffer.data(), buffer.size());
    bytes.append(buffer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
    return size == 0;
  }
};

TEST_F(PortForwardTest, EachPortHasTwoChannelsThatBeginWithItsNumber) {
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({})) + "?port=80&port=258", kV4), 101);
  std::vector<std::string> first(4);
  for (int i = 0; i < 4; ++i) {
    const Message message = client->Receive();
    first.at(static_cast<size_t>(message.channel)) = message.data;
  }
  EXPECT_THAT(first, testing::ElementsAre(std::string("\x50\x00", 2), std::string("\x50\x00", 2),
                                          std::string("\x02\x01", 2), std::string("\x02\x01", 2)));
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 2; }));
  const size_t second = backend_.connections[0].first == 258 ? 0 : 1;
  ASSERT_TRUE(client->Send(2, "to 258"));
  std::string bytes;
  EXPECT_TRUE(Eventually([&] { return !PodReads(second, bytes) && bytes == "to 258"; }));
  FakeProcess::WriteSome(pod_end(second), "from 258");
  const Message answer = client->Receive();
  EXPECT_EQ(answer.channel, 2);
  EXPECT_EQ(answer.data, "from 258");
  client->Drop();
}

TEST_F(PortForwardTest, TheRequestsOwnPortsAreTheOnesThatAreForwarded) {
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({8080})) + "?port=22", kV4), 101);
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 1; }));
  EXPECT_EQ(backend_.connections[0].first, 8080);
  client->Drop();
}

TEST_F(PortForwardTest, APodThatClosesEndsItsPortAndTheLastOneTheConnection) {
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({80})), ""), 101);
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 1; }));
  FakeProcess::WriteSome(pod_end(0), "bye");
  backend_.connections[0].second.Reset();
  int close_code = 0;
  const auto channels = client->ReceiveAll(&close_code);
  EXPECT_EQ(channels[0], std::string("\x50\x00", 2) + "bye");
  EXPECT_EQ(channels[1].size(), 2U);
  EXPECT_EQ(close_code, 1000);
}

TEST_F(PortForwardTest, ARefusedConnectionIsASentenceOnTheErrorChannel) {
  backend_.failure = absl::UnavailableError("connect to port 80: Connection refused");
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({80})), kV4), 101);
  EXPECT_THAT(client->ReceiveAll()[1], HasSubstr("Connection refused"));
}

TEST_F(PortForwardTest, AClientThatVanishesClosesTheSockets) {
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({80, 81})), kV4), 101);
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 2; }));
  client->Drop();
  std::string bytes;
  EXPECT_TRUE(Eventually([&] { return PodReads(0, bytes) && PodReads(1, bytes); }));
}

TEST_F(PortForwardTest, AClientThatVanishesIsNotKeptByAServerThatDoesNotRead) {
  limits_.drain_time = std::chrono::milliseconds(20);
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({80})), kV4), 101);
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 1; }));
  ASSERT_TRUE(client->Send(0, std::string(400 * 1024, 'x')));  // more than the socket into the pod takes
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

TEST_F(PortForwardTest, WhatComesForAServerThatReadsNoMoreIsDroppedAndHoldsBackNothing) {
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Ports({80, 81})), kV4), 101);
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 2; }));
  const size_t first = backend_.connections[0].first == 80 ? 0 : 1;
  ::shutdown(pod_end(first).get(), SHUT_RD);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client->Send(0, "for nobody"));
  }
  ASSERT_TRUE(client->Send(2, "for the other"));
  std::string bytes;
  EXPECT_TRUE(Eventually([&] { return !PodReads(1 - first, bytes) && bytes == "for the other"; }));
  // It may still speak.
  FakeProcess::WriteSome(pod_end(first), "still here");
  std::string answer;
  while (answer.find("still here") == std::string::npos) {
    const Message message = client->Receive();
    ASSERT_GE(message.channel, 0);
    answer += message.channel == 0 ? message.data : "";
  }
  client->Drop();
}

TEST_F(PortForwardTest, MorePortsThanThereAreChannelsAreRefusedUnlessTheClientSpeaksSpdy) {
  std::vector<uint16_t> ports;
  while (ports.size() < 127) {
    ports.push_back(static_cast<uint16_t>(8000 + ports.size()));
  }
  auto most = Client();
  ASSERT_EQ(most->Connect(Url(Ports(ports)), kV4), 101);
  EXPECT_TRUE(Eventually([&] { return backend_.connections.size() == 127; }));
  most->Drop();
  ports.push_back(9000);
  EXPECT_EQ(Client()->Connect(Url(Ports(ports)), kV4), 400);
  EXPECT_EQ(Client()->Connect(Url(Ports(ports)), ""), 400);
  auto spdy = Client();
  EXPECT_EQ(spdy->Connect(Url(Ports(ports)), "SPDY/3.1+portforward.k8s.io"), 101);
  spdy->Drop();
}

TEST_F(PortForwardTest, AUrlWithoutPortsNeedsAQuery) {
  auto client = Client();
  EXPECT_EQ(client->Connect(Url(Ports({})), kV4), 400);
  EXPECT_EQ(Client()->Connect(Url(Ports({})) + "?port=abc", kV4), 400);
}

}  // namespace
}  // namespace rktlet::streaming
