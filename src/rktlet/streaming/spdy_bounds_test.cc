// SPDX-License-Identifier: Apache-2.0
// What a hostile client can open over SPDY: streams that nobody asked for, and headers without end. Its frames are made
// by hand.
#include <malloc.h>

#include <initializer_list>

#include "rktlet/spdy/test_peer.h"
#include "rktlet/streaming/spdy_serving.h"
#include "rktlet/streaming/spdy_session.h"

namespace rktlet::streaming::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;

size_t LiveHeap() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

class SpdyBounds : public SpdyServing {
 protected:
  // A command of which the client gets the standard output alone.
  void ServeOutput() {
    ExecRequest request;
    request.output = true;
    Serve(std::move(request), "v4.channel.k8s.io");
  }

  std::string Stream(spdy::StreamId id, const std::string& type, bool unidirectional = false, bool fin = false) {
    return peer_.SynStream(id, {{"streamtype", type}}, fin, unidirectional);
  }

  // Lets the server do what it can, and takes what it says.
  void Turn() override {
    loop_.restart();
    loop_.run_for(std::chrono::milliseconds(1));
    char buffer[64 << 10];
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
    received_.append(buffer, size > 0 ? static_cast<size_t>(size) : 0);
    hung_up_ = hung_up_ || size == 0;
  }
  void Say(std::string_view bytes) {
    EXPECT_TRUE(WaitUntil([&] {
      const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      bytes.remove_prefix(size > 0 ? static_cast<size_t>(size) : 0);
      return bytes.empty();
    }));
  }
  // Frames in the order in which they were made, as their compressed headers must be: a sum leaves it open.
  void SayAll(std::initializer_list<std::string> frames) {
    std::string bytes;
    for (const std::string& frame : frames) {
      bytes += frame;
    }
    Say(bytes);
  }
  // Until the server has handled all that was said.
  void Settle() {
    ++pings_;
    Say(spdy::Peer::Ping(1));
    EXPECT_TRUE(WaitUntil([&] { return Frames<spdy::PingFrame>().size() == pings_; }));
  }

  // The frames of one type in all that the server has said.
  template <typename T>
  std::vector<T> Frames() const {
    std::vector<std::string> storage;
    std::vector<T> found;
    for (const spdy::Frame& frame : spdy::ReadFrames(received_, &storage)) {
      if (const T* one = std::get_if<T>(&frame)) {
        found.push_back(*one);
      }
    }
    return found;
  }
  std::vector<spdy::StreamId> Refused() const {
    std::vector<spdy::StreamId> ids;
    for (const auto& frame : Frames<spdy::RstStreamFrame>()) {
      EXPECT_EQ(frame.status, static_cast<uint32_t>(spdy::ResetStatus::kRefusedStream));
      ids.push_back(frame.stream);
    }
    return ids;
  }
  std::vector<spdy::StreamId> Answered() const {
    std::vector<spdy::StreamId> ids;
    for (const auto& frame : Frames<spdy::SynReplyFrame>()) {
      ids.push_back(frame.stream);
    }
    return ids;
  }

  // The data of a stream.
  std::string DataOf(spdy::StreamId stream) const {
    std::vector<std::string> storage;
    std::string data;
    for (const spdy::Frame& frame : spdy::ReadFrames(received_, &storage)) {
      const auto* one = std::get_if<spdy::DataFrame>(&frame);
      data += one != nullptr && one->stream == stream ? one->data : std::string_view();
    }
    return data;
  }

  void HangUp() {
    socket_.Reset();
    EXPECT_TRUE(WaitUntil([&] { return served_; }));
  }

  spdy::Peer peer_;
  std::string received_;
  size_t pings_ = 0;
};

TEST_F(SpdyBounds, OfStreamsThatTheRequestDoesNotNameOneOfAKindIsThere) {
  ServeOutput();
  SayAll({Stream(1, "stdin"), Stream(3, "stdin"), Stream(5, "stderr"), Stream(7, "stderr"), Stream(9, "error"),
          Stream(11, "stdout")});
  ASSERT_TRUE(WaitUntil([&] { return backend_.command != nullptr; }));
  Settle();
  EXPECT_THAT(Refused(), ElementsAre(3, 7));
  EXPECT_THAT(Answered(), ElementsAre(1, 5, 9, 11));
  backend_.command->End(0);
  EXPECT_TRUE(WaitUntil([&] { return hung_up_; }));
  EXPECT_THAT(DataOf(9), HasSubstr("Success"));
  HangUp();
}

TEST_F(SpdyBounds, StreamsThatGoOneWayOnlyAreRefused) {
  ServeOutput();
  SayAll({Stream(1, "stdin", true), Stream(3, "stdout", true), Stream(5, "stdin", true, true)});
  Settle();
  // The last one was over before it was anything.
  EXPECT_THAT(Refused(), ElementsAre(1, 3));
  EXPECT_THAT(Answered(), IsEmpty());
  HangUp();
}

TEST_F(SpdyBounds, AClientThatOpensStreamsWithoutEndIsToldSo) {
  ServeOutput();
  Say(Stream(1, "error"));
  for (spdy::StreamId stream = 3; stream < 127; stream += 2) {
    Say(Stream(stream, "colour"));
    Settle();
  }
  EXPECT_FALSE(served_);
  Say(Stream(127, "colour"));
  EXPECT_TRUE(WaitUntil([&] { return hung_up_; }));
  EXPECT_THAT(DataOf(1), HasSubstr("too many streams"));
  EXPECT_EQ(backend_.command, nullptr);
  HangUp();
}

TEST_F(SpdyBounds, HeadersOfAnyLengthAreNotKept) {
  ServePorts();
  const std::string longest(128, 'i');
  SayAll({peer_.SynStream(1, {{"streamtype", "error"}, {"port", "80"}, {"requestid", longest}}),
          peer_.SynStream(3, {{"streamtype", "error"}, {"port", "80"}, {"requestid", longest + "i"}})});
  Settle();
  EXPECT_THAT(Refused(), ElementsAre(3));
  EXPECT_THAT(Answered(), ElementsAre(1));
  HangUp();
}

TEST_F(SpdyBounds, HeadersThatMeanNothingAreNotKept) {
  constexpr size_t kStreams = 200;
  auto [ours, theirs] = SocketPair();
  socket_ = std::move(theirs);
  // Nobody takes what arrives.
  SpdySession session(loop_.get_executor(), std::make_unique<SocketTransport>(loop_, std::move(ours)), spdy::Limits());
  Tasks copying(loop_.get_executor());
  copying.Spawn(session.ReadAll());
  copying.Spawn(session.WriteAll());
  Settle();
  std::string flood;
  for (size_t i = 0; i < kStreams; ++i) {
    flood += peer_.SynStream(static_cast<spdy::StreamId>(2 * i + 1),
                             {{"streamtype", "data"}, {"port", "80"}, {"x", std::string(7000, 'x')}});
  }
  const size_t before = LiveHeap();
  Say(flood);
  Settle();
  EXPECT_THAT(Refused(), IsEmpty());
  // Nothing with a sanitizer's allocator: streaming_memory_test has this test, too.
  EXPECT_THAT((LiveHeap() - std::min(before, LiveHeap())) / kStreams, Le(size_t{2} << 10));
  socket_.Reset();
  EXPECT_TRUE(WaitUntil([&] { return copying.size() == 0; }));
}

// The work is cut into pieces, and nothing of it is lost.
TEST_F(SpdyBounds, AFloodOfHeadersIsHandledToItsEnd) {
  ServeExec();
  SayAll({Stream(1, "error"), Stream(3, "stdin"), Stream(5, "stdout"), Stream(7, "stderr")});
  ASSERT_TRUE(WaitUntil([&] { return backend_.command != nullptr; }));
  std::string flood;
  for (int i = 0; i < 500; ++i) {
    flood += peer_.MoreHeaders(3, {{"x", std::string(8000, 'x')}});
  }
  Say(flood + spdy::Peer::Data(3, "after it", true));
  std::string input;
  EXPECT_TRUE(WaitUntil([&] {
    input += ReadFrom(backend_.command->input);
    return end_of_file_;
  }));
  EXPECT_EQ(input, "after it");
  backend_.command->End(0);
  EXPECT_TRUE(WaitUntil([&] { return hung_up_; }));
  HangUp();
}

}  // namespace
}  // namespace rktlet::streaming::serving
