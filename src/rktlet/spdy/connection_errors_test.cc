// SPDX-License-Identifier: Apache-2.0
// What the draft says of peers that break its rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "rktlet/spdy/connection.h"
#include "rktlet/spdy/test_peer.h"

namespace rktlet::spdy {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using namespace std::string_view_literals;

using Kind = Event::Kind;

auto IsReset(StreamId stream, ResetStatus status) {
  return AllOf(Field(&RstStreamFrame::stream, stream), Field(&RstStreamFrame::status, static_cast<uint32_t>(status)));
}

class SpdyErrors : public ::testing::Test {
 protected:
  // The peer's bytes end the session, saying `message` and a GOAWAY.
  void ExpectFailure(std::string_view bytes, const std::string& message) {
    const std::vector<Seen> seen = Feed(&server_, bytes);
    ASSERT_THAT(seen, SizeIs(1));
    EXPECT_EQ(seen[0].kind, Kind::kFailed);
    EXPECT_THAT(std::string(seen[0].error.message()), HasSubstr(message));
    EXPECT_TRUE(server_.failed());
    EXPECT_FALSE(server_.WantsInput());
    const std::vector<GoAwayFrame> goaway = TakeFrames<GoAwayFrame>(&server_);
    ASSERT_THAT(goaway, SizeIs(1));
    EXPECT_EQ(goaway[0].status, 1);
    // And it stays over.
    EXPECT_THAT(Feed(&server_, Peer::Ping(1)), IsEmpty());
    EXPECT_THAT(server_.Output(), IsEmpty());
    EXPECT_EQ(server_.open_streams(), 0);
  }

  std::vector<RstStreamFrame> Resets() { return TakeFrames<RstStreamFrame>(&server_); }

  // Opens a stream and accepts it.
  void Open(StreamId stream, bool fin = false) {
    ASSERT_THAT(Feed(&server_, peer_.SynStream(stream, {}, fin)), SizeIs(1));
    server_.Reply(stream);
    TakeOutput(&server_);
  }

  Peer peer_;
  Connection server_{Role::kServer, Limits{.max_streams = 3}};
};

TEST_F(SpdyErrors, AMalformedFrameEndsTheSession) { ExpectFailure(Peer::Control(3, 6, 0, "x"), "PING: length 1"); }

TEST_F(SpdyErrors, AStreamOfAnotherVersionIsRefusedByName) {
  Feed(&server_, Peer::Control(2, 1, 0, "\0\0\0\5\0\0\0\0\0\0block"sv));
  EXPECT_TRUE(server_.failed());
  EXPECT_THAT(Resets(), ElementsAre(IsReset(5, ResetStatus::kUnsupportedVersion)));
}

TEST_F(SpdyErrors, ABlockThatIsNotCompressedEndsTheSession) {
  ExpectFailure(Peer::Control(3, 1, 0, "\0\0\0\1\0\0\0\0\0\0plain text"sv), "headers:");
}

TEST_F(SpdyErrors, ABombEndsTheSession) {
  ExpectFailure(peer_.SynStreamBlock(1, std::string(1 << 20, 'x')), "more than 8192 bytes");
}

TEST_F(SpdyErrors, LargeHeadersAreTakenToTheirLimit) {
  EXPECT_THAT(Feed(&server_, peer_.SynStream(1, {{"x", std::string(8000, 'x')}})), SizeIs(1));
  ExpectFailure(peer_.SynStream(3, {{"x", std::string(8192, 'x')}}), "more than 8192 bytes");
}

TEST_F(SpdyErrors, StreamsThatAreNotThePeersToOpenEndTheSession) {
  ExpectFailure(peer_.SynStream(2), "stream 2 is not the peer's to open");
}

TEST_F(SpdyErrors, StreamZeroEndsTheSession) { ExpectFailure(peer_.SynStream(0), "stream 0"); }

TEST_F(SpdyErrors, StreamsThatGoBackwardsEndTheSession) {
  Open(5);
  ExpectFailure(peer_.SynStream(3), "stream 3 after stream 5");
}

TEST_F(SpdyErrors, AStreamOpenedTwiceIsReset) {
  Open(1);
  EXPECT_THAT(Feed(&server_, peer_.SynStream(1)), ElementsAre(Field(&Seen::kind, Kind::kReset)));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(1, ResetStatus::kProtocolError)));
  EXPECT_FALSE(server_.IsOpen(1));
}

TEST_F(SpdyErrors, BadHeadersResetTheStreamAndTheNextOneIsGood) {
  EXPECT_THAT(Feed(&server_, peer_.SynStream(1, {{"Upper", "case"}})), IsEmpty());
  EXPECT_THAT(Resets(), ElementsAre(IsReset(1, ResetStatus::kProtocolError)));
  EXPECT_THAT(Feed(&server_, peer_.SynStream(3, {{"lower", "case"}})), SizeIs(1));
}

TEST_F(SpdyErrors, MoreStreamsThanTheLimitAreRefused) {
  Open(1);
  Open(3);
  Open(5);
  EXPECT_THAT(Feed(&server_, peer_.SynStream(7)), IsEmpty());
  EXPECT_THAT(Resets(), ElementsAre(IsReset(7, ResetStatus::kRefusedStream)));
  // What was sent on it before the peer knew is dropped in silence.
  EXPECT_THAT(Feed(&server_, Peer::Data(7, "data") + peer_.MoreHeaders(7)), IsEmpty());
  EXPECT_THAT(Resets(), IsEmpty());
  // When one ends there is room.
  Feed(&server_, Peer::Reset(3));
  EXPECT_THAT(Feed(&server_, peer_.SynStream(9)), SizeIs(1));
}

TEST_F(SpdyErrors, StreamsWithoutAnyHalfDoNotCount) {
  for (StreamId stream = 1; stream < 20; stream += 2) {
    EXPECT_THAT(Feed(&server_, peer_.SynStream(stream, {}, true, true)),
                ElementsAre(Field(&Seen::unidirectional, true)));
  }
  EXPECT_EQ(server_.open_streams(), 0);
}

TEST_F(SpdyErrors, OnAUnidirectionalStreamNothingIsSentBack) {
  Feed(&server_, peer_.SynStream(1, {}, false, true));
  TakeOutput(&server_);
  server_.Reply(1);
  EXPECT_EQ(server_.Write(1, "x"), 0);
  server_.End(1);
  EXPECT_THAT(server_.Output(), IsEmpty());
  EXPECT_THAT(Feed(&server_, Peer::Data(1, "x", true)), SizeIs(1));
  server_.Consumed(1, 1);
  EXPECT_FALSE(server_.IsOpen(1));
}

TEST_F(SpdyErrors, DataForAStreamThatNeverWasIsAnInvalidStreamOnceAFrame) {
  const std::string data = Peer::Data(9, "some data");
  Feed(&server_, data.substr(0, 10));
  Feed(&server_, data.substr(10));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(9, ResetStatus::kInvalidStream)));
}

TEST_F(SpdyErrors, DataAfterTheEndIsAStreamAlreadyClosed) {
  Open(1, true);
  EXPECT_THAT(Feed(&server_, Peer::Data(1, "more")), ElementsAre(Field(&Seen::kind, Kind::kReset)));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(1, ResetStatus::kStreamAlreadyClosed)));
}

TEST_F(SpdyErrors, HeadersAfterTheEndAreAStreamAlreadyClosed) {
  Open(1, true);
  Feed(&server_, peer_.MoreHeaders(1));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(1, ResetStatus::kStreamAlreadyClosed)));
}

TEST_F(SpdyErrors, HeadersForAStreamThatNeverWasAreAnInvalidStream) {
  Feed(&server_, peer_.MoreHeaders(11));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(11, ResetStatus::kInvalidStream)));
}

TEST_F(SpdyErrors, ARepliedStreamMustBeOurs) {
  Open(1);
  Feed(&server_, peer_.SynReply(1));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(1, ResetStatus::kProtocolError)));
  Feed(&server_, peer_.SynReply(8));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(8, ResetStatus::kInvalidStream)));
}

TEST_F(SpdyErrors, ASecondReplyIsAStreamInUse) {
  const StreamId stream = server_.Open({});
  EXPECT_THAT(Feed(&server_, peer_.SynReply(stream)), SizeIs(1));
  TakeOutput(&server_);
  Feed(&server_, peer_.SynReply(stream));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(stream, ResetStatus::kStreamInUse)));
}

TEST_F(SpdyErrors, DataBeforeTheReplyIsAProtocolError) {
  const StreamId stream = server_.Open({});
  TakeOutput(&server_);
  Feed(&server_, Peer::Data(stream, "early"));
  EXPECT_THAT(Resets(), ElementsAre(IsReset(stream, ResetStatus::kProtocolError)));
}

TEST_F(SpdyErrors, AResetIsNeverAnswered) {
  EXPECT_THAT(Feed(&server_, Peer::Reset(77)), IsEmpty());
  EXPECT_THAT(Resets(), IsEmpty());
  Open(1);
  EXPECT_THAT(Feed(&server_, Peer::Reset(1) + Peer::Reset(1)), SizeIs(1));
  EXPECT_THAT(Resets(), IsEmpty());
}

TEST_F(SpdyErrors, AResetOfTheSessionEndsIt) { ExpectFailure(Peer::Reset(0), "RST_STREAM: stream 0"); }

TEST_F(SpdyErrors, AStreamThatIsResetHereTakesItsDataInSilence) {
  Open(1);
  server_.Reset(1, ResetStatus::kCancel);
  EXPECT_THAT(Resets(), ElementsAre(IsReset(1, ResetStatus::kCancel)));
  EXPECT_THAT(Feed(&server_, Peer::Data(1, "late") + Peer::Reset(1)), IsEmpty());
  EXPECT_THAT(Resets(), IsEmpty());
}

// Any cut, any flipped byte: an event or an error, no crash, and never a stream that the limits forbid.
TEST_F(SpdyErrors, AnyByteMayBeWrong) {
  Peer peer;
  const std::string good = peer.SynStream(1, {{"streamtype", "error"}}) + peer.SynStream(3, {{"streamtype", "data"}}) +
                           Peer::InitialWindow(1000) + Peer::Data(1, "hello") + Peer::WindowUpdate(1, 5) +
                           peer.MoreHeaders(3, {{"a", "b"}}) + Peer::Ping(1) + Peer::Data(3, "", true) +
                           Peer::GoAway(0);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff, 0x10}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      Connection server(Role::kServer, Limits{.max_streams = 2});
      for (const Seen& seen : Feed(&server, bad)) {
        if (seen.kind == Kind::kStream) {
          server.Reply(seen.stream);
        }
      }
      EXPECT_LE(server.open_streams(), 2);
    }
  }
}

}  // namespace
}  // namespace rktlet::spdy
