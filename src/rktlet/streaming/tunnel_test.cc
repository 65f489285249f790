// SPDX-License-Identifier: Apache-2.0
// A whole session of port-forward as newer Kubernetes clients speak it: SPDY in the messages of a WebSocket.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>

#include "rktlet/spdy/connection.h"
#include "rktlet/streaming/spdy_serve.h"
#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

using Kind = spdy::Event::Kind;

class TunnelTest : public StreamingTest {
 protected:
  void SetUp() override {
    StreamingTest::SetUp();
    Server::Options options;
    options.spdy = ServeSpdy;
    RestartServer(std::move(options));
    const Request request = PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), {}};
    ASSERT_EQ(client_->Connect(Url(request), "SPDY/3.1+portforward.k8s.io"), 101);
  }

  void TearDown() override {
    client_.reset();
    StreamingTest::TearDown();
  }

  struct Forwarded {
    spdy::StreamId error = 0;
    spdy::StreamId data = 0;
  };
  Forwarded Open(const std::string& port, const std::string& id) {
    const spdy::StreamId error = session_.Open({{"streamtype", "error"}, {"port", port}, {"requestid", id}}, true);
    return {error, session_.Open({{"streamtype", "data"}, {"port", port}, {"requestid", id}})};
  }

  // What the session has to say, cut into messages without regard to its frames.
  void Flush(size_t piece = 7) {
    std::string output;
    session_.TakeOutput(&output);
    for (std::string_view rest = output; !rest.empty(); rest.remove_prefix(std::min(rest.size(), piece))) {
      ASSERT_TRUE(client_->SendRaw(rest.substr(0, piece)));
    }
  }

  // Takes messages until `done`, or the end.
  template <typename Predicate>
  bool ReceiveUntil(Predicate done) {
    while (!done()) {
      const Message message = client_->Receive();
      if (message.channel < 0) {
        return false;
      }
      const std::string bytes = static_cast<char>(message.channel) + message.data;
      std::string_view input = bytes;
      while (const auto event = session_.Next(&input)) {
        if (event->kind == Kind::kFailed) {
          ADD_FAILURE() << event->error;
          return false;
        }
        if (event->kind == Kind::kData) {
          got_[event->stream] += event->data;
          session_.Consumed(event->stream, event->data.size());
        }
        ended_[event->stream] = ended_[event->stream] || event->end;
      }
      Flush(1000);
    }
    return true;
  }

  const base::UniqueFd& pod_end(size_t index) { return backend_.connections.at(index).second; }
  bool PodReads(size_t index, std::string& bytes) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(pod_end(index).get(), buffer.data(), buffer.size());
    bytes.append(buffer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
    return size == 0;
  }

  std::unique_ptr<TestClient> client_ = Client();
  spdy::Connection session_{spdy::Role::kClient, spdy::Limits{.max_output = 1 << 20}};
  std::map<spdy::StreamId, std::string> got_;
  std::map<spdy::StreamId, bool> ended_;
};

TEST_F(TunnelTest, ForwardsPortsWithHalfCloseBothWaysToTheirEnd) {
  const Forwarded first = Open("80", "0");
  const Forwarded second = Open("443", "1");
  Flush();
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 2; }));
  const size_t web = backend_.connections[0].first == 80 ? 0 : 1;
  // A question, its end, and an answer after it.
  ASSERT_EQ(session_.Write(first.data, "question"), 8U);
  session_.End(first.data);
  Flush();
  std::string question;
  ASSERT_TRUE(Eventually([&] { return PodReads(web, question); }));
  EXPECT_EQ(question, "question");
  FakeProcess::WriteSome(pod_end(web), "answer");
  ASSERT_TRUE(ReceiveUntil([&] { return got_[first.data] == "answer"; }));
  EXPECT_FALSE(ended_[first.data]);
  backend_.connections[web].second.Reset();
  ASSERT_TRUE(ReceiveUntil([&] { return ended_[first.data] && ended_[first.error]; }));
  EXPECT_EQ(got_[first.error], "");
  // The server in the pod ends first; the client may still send.
  const size_t other = 1 - web;
  ::shutdown(pod_end(other).get(), SHUT_WR);
  ASSERT_TRUE(ReceiveUntil([&] { return ended_[second.data]; }));
  ASSERT_EQ(session_.Write(second.data, "late"), 4U);
  Flush();
  std::string late;
  ASSERT_TRUE(Eventually([&] {
    PodReads(other, late);
    return late == "late";
  }));
  client_->Close();
  ASSERT_TRUE(Eventually([&] { return server_->clients() == 0; }));
  std::string rest;
  EXPECT_TRUE(Eventually([&] { return PodReads(other, rest); }));
}

TEST_F(TunnelTest, CarriesMoreThanAnyWindow) {
  const Forwarded forwarded = Open("80", "0");
  Flush();
  ASSERT_TRUE(Eventually([&] { return backend_.connections.size() == 1; }));
  const std::string bytes(3 << 20, 'z');
  size_t written = 0;
  ASSERT_TRUE(ReceiveUntil([&] {
    written += FakeProcess::WriteSome(pod_end(0), std::string_view(bytes).substr(written));
    return got_[forwarded.data].size() == bytes.size();
  }));
  EXPECT_EQ(got_[forwarded.data], bytes);
  client_->Drop();
}

TEST_F(TunnelTest, WhatIsNoSpdyEndsTheConnection) {
  ASSERT_TRUE(client_->SendRaw("GET / HTTP/1.1\r\n\r\n"));
  while (client_->Receive().channel >= 0) {
  }
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

}  // namespace
}  // namespace rktlet::streaming
