// SPDX-License-Identifier: Apache-2.0
#include "rktlet/spdy/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/spdy/test_peer.h"

namespace rktlet::spdy {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using namespace std::string_view_literals;

using Kind = Event::Kind;

auto Is(Kind kind, StreamId stream) { return AllOf(Field(&Seen::kind, kind), Field(&Seen::stream, stream)); }
auto IsData(StreamId stream, std::string_view data, bool end = false) {
  return AllOf(Is(Kind::kData, stream), Field(&Seen::bytes, std::string(data)), Field(&Seen::end, end));
}

class SpdySession : public ::testing::Test {
 protected:
  // Carries everything each side wants to send to the other, until both are silent.
  void Talk() {
    while (!client_.Output().empty() || !server_.Output().empty()) {
      for (Seen& seen : Feed(&server_, TakeOutput(&client_))) {
        at_server_.push_back(std::move(seen));
      }
      for (Seen& seen : Feed(&client_, TakeOutput(&server_))) {
        at_client_.push_back(std::move(seen));
      }
    }
  }

  Connection client_{Role::kClient, Limits()};
  Connection server_{Role::kServer, Limits()};
  std::vector<Seen> at_client_;
  std::vector<Seen> at_server_;
};

TEST_F(SpdySession, CarriesAStreamBothWays) {
  const StreamId stream = client_.Open({{"streamtype", "stdin"}});
  EXPECT_EQ(stream, 1);
  Talk();
  ASSERT_THAT(at_server_, ElementsAre(Is(Kind::kStream, 1)));
  EXPECT_THAT(at_server_[0].headers, ElementsAre(Header{"streamtype", "stdin"}));
  server_.Reply(stream, {{"status", "200"}});
  Talk();
  ASSERT_THAT(at_client_, ElementsAre(Is(Kind::kReply, 1)));
  EXPECT_THAT(at_client_[0].headers, ElementsAre(Header{"status", "200"}));
  at_client_.clear();
  at_server_.clear();

  EXPECT_EQ(client_.Write(stream, "to the server"), 13);
  EXPECT_EQ(server_.Write(stream, "to the client"), 13);
  Talk();
  EXPECT_THAT(at_server_, ElementsAre(IsData(1, "to the server")));
  EXPECT_THAT(at_client_, ElementsAre(IsData(1, "to the client")));
}

TEST_F(SpdySession, ClosesEachHalfAlone) {
  const StreamId stream = client_.Open({});
  Talk();
  server_.Reply(stream);
  client_.End(stream);
  Talk();
  EXPECT_THAT(at_server_, ElementsAre(Is(Kind::kStream, 1), IsData(1, "", true)));
  EXPECT_EQ(client_.Write(stream, "x"), 0);
  EXPECT_EQ(server_.Write(stream, "still"), 5);
  server_.End(stream);
  server_.End(stream);
  Talk();
  EXPECT_THAT(at_client_, ElementsAre(Is(Kind::kReply, 1), IsData(1, "still"), IsData(1, "", true)));
  EXPECT_FALSE(server_.IsOpen(stream));
  client_.Consumed(stream, 5);
  EXPECT_FALSE(client_.IsOpen(stream));
}

TEST_F(SpdySession, OpensStreamsEndedFromTheirStart) {
  const StreamId stream = client_.Open({{"streamtype", "error"}}, true);
  Talk();
  ASSERT_THAT(at_server_, ElementsAre(AllOf(Is(Kind::kStream, 1), Field(&Seen::end, true))));
  server_.Reply(stream);
  server_.Write(stream, "message");
  server_.End(stream);
  Talk();
  EXPECT_THAT(at_client_, ElementsAre(Is(Kind::kReply, 1), IsData(1, "message"), IsData(1, "", true)));
}

TEST_F(SpdySession, ResetsTellTheOtherSide) {
  const StreamId stream = client_.Open({});
  Talk();
  server_.Reset(stream, ResetStatus::kRefusedStream);
  EXPECT_FALSE(server_.IsOpen(stream));
  Talk();
  EXPECT_THAT(at_client_, ElementsAre(AllOf(Is(Kind::kReset, 1), Field(&Seen::status, 3))));
  EXPECT_FALSE(client_.IsOpen(stream));
}

TEST_F(SpdySession, SendsMoreHeaders) {
  const StreamId stream = client_.Open({});
  Talk();
  client_.SendHeaders(stream, {{"a", "b"}}, true);
  Talk();
  ASSERT_THAT(at_server_, ElementsAre(Is(Kind::kStream, 1), AllOf(Is(Kind::kHeaders, 1), Field(&Seen::end, true))));
  EXPECT_THAT(at_server_[1].headers, ElementsAre(Header{"a", "b"}));
}

TEST_F(SpdySession, ServersOpenStreamsToo) {
  const StreamId stream = server_.Open({{"from", "server"}});
  EXPECT_EQ(stream, 2);
  Talk();
  EXPECT_THAT(at_client_, ElementsAre(Is(Kind::kStream, 2)));
  client_.Reply(stream);
  Talk();
  EXPECT_THAT(at_server_, ElementsAre(Is(Kind::kReply, 2)));
}

TEST_F(SpdySession, PingsAreAnsweredByTheOtherSideOnly) {
  client_.Ping();
  server_.Ping();
  Talk();
  EXPECT_THAT(at_client_, ElementsAre(Is(Kind::kPong, 0)));
  EXPECT_THAT(at_server_, ElementsAre(Is(Kind::kPong, 0)));
  // An answer to what was never asked is nothing.
  EXPECT_THAT(Feed(&server_, Peer::Ping(40)), IsEmpty());
  EXPECT_THAT(server_.Output(), IsEmpty());
}

TEST_F(SpdySession, AfterGoAwayNewStreamsAreIgnoredAndOldOnesGoOn) {
  const StreamId stream = client_.Open({});
  Talk();
  server_.Reply(stream);
  server_.GoAway(GoAwayStatus::kOk);
  const StreamId late = client_.Open({});
  EXPECT_EQ(late, 3);
  Talk();
  EXPECT_THAT(at_server_, ElementsAre(Is(Kind::kStream, 1)));
  EXPECT_THAT(at_client_, ElementsAre(Is(Kind::kReply, 1), Is(Kind::kGoAway, 1)));
  EXPECT_EQ(client_.Open({}), 0);
  EXPECT_EQ(server_.Open({}), 0);
  server_.Write(stream, "on");
  Talk();
  EXPECT_THAT(at_client_.back(), IsData(1, "on"));
}

TEST_F(SpdySession, NothingIsSentOnAStreamBeforeItsReply) {
  const StreamId stream = client_.Open({});
  Talk();
  EXPECT_EQ(server_.Writable(stream), 0);
  EXPECT_EQ(server_.Write(stream, "early"), 0);
  server_.Reply(stream);
  EXPECT_EQ(server_.Write(stream, "now"), 3);
}

TEST_F(SpdySession, CarriesEveryByteOfManyStreamsAtOnce) {
  constexpr int kStreams = 20;
  constexpr size_t kSize = 100000;
  std::vector<StreamId> streams;
  std::map<StreamId, std::string> want;
  std::map<StreamId, std::string> got;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(client_.Open({{"streamtype", "data"}, {"requestid", base::StrCat(i)}}));
    for (size_t j = 0; j < kSize; ++j) {
      want[streams.back()].push_back(static_cast<char>(j * 7 + i));
    }
  }
  std::map<StreamId, size_t> sent;
  for (bool busy = true; busy;) {
    busy = false;
    for (const StreamId stream : streams) {
      const size_t before = sent[stream];
      sent[stream] += client_.Write(stream, std::string_view(want[stream]).substr(before));
      if (sent[stream] == kSize) {
        client_.End(stream);
      }
    }
    const std::string out = TakeOutput(&client_);
    busy = !out.empty();
    for (Seen& seen : Feed(&server_, out)) {
      if (seen.kind == Kind::kStream) {
        server_.Reply(seen.stream);
      } else {
        got[seen.stream] += seen.bytes;
        server_.Consumed(seen.stream, seen.bytes.size());
      }
    }
    const std::string back = TakeOutput(&server_);
    busy = busy || !back.empty();
    Feed(&client_, back);
  }
  EXPECT_TRUE(got == want);
  for (const StreamId stream : streams) {
    server_.End(stream);
  }
  EXPECT_EQ(server_.open_streams(), 0);
}

TEST(SpdyServer, ReadsWhatTheGoClientWrites) {
  constexpr auto kClient =
      "\x80\x03\x00\x01\x00\x00\x00\x29\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x78\xf9\xe3\xc6\xa7\xc2\x62\x60\x60\x60"
      "\x04\xa7\xb3\x92\xa2\xd4\xc4\x5c\x68\x51\xc2\x9a\x0a\x0a\x68\x00\x00\x00\x00\xff\xff\x80\x03\x00\x01\x00\x00\x00"
      "\x17\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\xc2\x2e\x55\x5c\x92\x92\x99\x07\x00\x00\x00\xff\xff\x00\x00\x00\x03"
      "\x00\x00\x00\x06\x68\x65\x6c\x6c\x6f\x0a\x00\x00\x00\x03\x01\x00\x00\x00"sv;
  for (const size_t step : {size_t{1}, size_t{7}, kClient.size()}) {
    Connection server(Role::kServer, Limits());
    std::vector<Seen> all;
    std::string data;
    for (size_t at = 0; at < kClient.size(); at += step) {
      for (Seen& seen : Feed(&server, kClient.substr(at, step))) {
        data += seen.bytes;
        if (seen.kind != Kind::kData || seen.end) {
          all.push_back(std::move(seen));
        }
      }
    }
    ASSERT_THAT(all, ElementsAre(Is(Kind::kStream, 1), Is(Kind::kStream, 3), Is(Kind::kData, 3)));
    EXPECT_EQ(FindHeader(all[0].headers, "streamtype"), "error");
    EXPECT_EQ(FindHeader(all[1].headers, "streamtype"), "stdin");
    EXPECT_EQ(data, "hello\n");
  }
}

TEST(SpdyServer, HandsOverItsOutputAsAWhole) {
  Connection server(Role::kServer, Limits());
  Feed(&server, Peer::Ping(1));
  TakeOutput(&server);
  Feed(&server, Peer::Ping(1) + Peer::Ping(3));
  server.Sent(12);
  std::string buffer = "old";
  server.TakeOutput(&buffer);
  EXPECT_EQ(buffer, Peer::Ping(3));
  EXPECT_THAT(server.Output(), IsEmpty());
}

// The Kubernetes client throws away what comes in one piece with the answer to its upgrade request.
TEST(SpdyServer, IsSilentUntilItsPeerHasSpoken) {
  Connection server(Role::kServer, Limits());
  EXPECT_THAT(server.Output(), IsEmpty());
  Peer peer;
  Feed(&server, peer.SynStream(1));
  std::vector<std::string> storage;
  const std::vector<Frame> frames = ReadFrames(TakeOutput(&server), &storage);
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_THAT(std::get<SettingsFrame>(frames[0]).settings, SizeIs(2));
  EXPECT_EQ(std::get<WindowUpdateFrame>(frames[1]).stream, 0);
  Feed(&server, peer.SynStream(3));
  EXPECT_THAT(server.Output(), IsEmpty());
}

}  // namespace
}  // namespace rktlet::spdy
