// SPDX-License-Identifier: Apache-2.0
// Sessions over SPDY with a client in memory.
#include "rktlet/streaming/spdy_serve.h"

#include "rktlet/spdy/frame_writer.h"
#include "rktlet/streaming/spdy_serving.h"

namespace rktlet::streaming::serving {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SpdyServing, CarriesACommandWithItsOutputsApartAndItsExitCode) {
  ServeExec();
  OpenAll();
  Command& command = *backend_.command;
  ASSERT_EQ(::write(command.output.get(), "out", 3), 3);
  ASSERT_EQ(::write(command.error.get(), "err", 3), 3);
  client_.Write(stdin_, "in");
  std::string input;
  ASSERT_TRUE(WaitUntil([&] { return (input += ReadFrom(command.input)) == "in"; }));
  EXPECT_FALSE(end_of_file_);
  client_.End(stdin_);
  ASSERT_TRUE(WaitUntil([&] { return ReadFrom(command.input).empty() && end_of_file_; }));
  command.End(7);
  ASSERT_TRUE(WaitUntil([&] { return served_ && hung_up_; }));
  EXPECT_EQ(got_[stdout_], "out");
  EXPECT_EQ(got_[stderr_], "err");
  EXPECT_THAT(got_[status_], AllOf(HasSubstr("NonZeroExitCode"), HasSubstr("\"7\"")));
  EXPECT_TRUE(HasEnded(stdout_));
  EXPECT_TRUE(HasEnded(stderr_));
  EXPECT_TRUE(HasEnded(status_));
  EXPECT_TRUE(goaway_);
}

TEST_F(SpdyServing, SaysSuccessInJsonSinceVersion4AndNothingBefore) {
  ServeExec();
  OpenAll();
  backend_.command->End(0);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
  EXPECT_THAT(got_[status_], HasSubstr("\"Success\""));
}

// Else a client takes the end of the error stream for a success.
TEST_F(SpdyServing, ACommandThatTheServerEndsIsNoSuccess) {
  ServeExec();
  OpenAll();
  asio::post(loop_, [this] { EXPECT_TRUE(ending_.Ask(absl::UnavailableError("rktlet is stopping"))); });
  ASSERT_TRUE(WaitUntil([&] { return served_ && hung_up_; }));
  EXPECT_THAT(got_[status_], AllOf(HasSubstr("\"Failure\""), HasSubstr("rktlet is stopping")));
}

TEST_F(SpdyServing, SpeaksTextInVersion2) {
  ServeExec(false, "v2.channel.k8s.io");
  OpenAll();
  backend_.command->End(3);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
  EXPECT_THAT(got_[status_], HasSubstr("3"));
  EXPECT_THAT(got_[status_], Not(HasSubstr("{")));
}

TEST_F(SpdyServing, ATerminalHasAResizeStreamSinceVersion3) {
  ServeExec(true, "v3.channel.k8s.io");
  OpenAll(true);
  client_.Write(resize_, "{\"Width\":80,\"Hei");
  Turn();
  client_.Write(resize_, "ght\":24}{\"Width\":100,\"Height\":30}\n");
  ASSERT_TRUE(
      WaitUntil([&] { return std::ranges::find(backend_.command->sizes, "100x30") != backend_.command->sizes.end(); }));
  backend_.command->End(0);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
  EXPECT_THAT(got_[status_], IsEmpty());
}

TEST_F(SpdyServing, ATerminalOfVersion2HasNone) {
  ServeExec(true, "channel.k8s.io");
  Open("error");
  Open("stdin");
  Open("stdout");
  ASSERT_TRUE(WaitUntil([&] { return backend_.command != nullptr; }));
  backend_.command->End(0);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
}

TEST_F(SpdyServing, StreamsThatNobodyKnowsAreRefused) {
  ServeExec();
  const spdy::StreamId odd = Open("colour");
  const spdy::StreamId first = Open("error");
  const spdy::StreamId second = Open("error");
  ASSERT_TRUE(WaitUntil([&] { return resets_.size() == 2; }));
  EXPECT_TRUE(resets_.contains(odd));
  EXPECT_TRUE(resets_.contains(second));
  EXPECT_TRUE(HasReply(first));
  for (const char* type : {"stdin", "stdout", "stderr"}) {
    Open(type);
  }
  ASSERT_TRUE(WaitUntil([&] { return backend_.command != nullptr; }));
  const spdy::StreamId late = Open("stdin");
  ASSERT_TRUE(WaitUntil([&] { return resets_.contains(late); }));
  backend_.command->End(0);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
}

TEST_F(SpdyServing, StreamsThatWereNotAskedForAreSilent) {
  ExecRequest request;
  request.output = true;
  Serve(std::move(request), "v4.channel.k8s.io");
  Open("stderr");
  Open("stdin");
  Open("error");
  Open("stdout");
  ASSERT_TRUE(WaitUntil([&] { return backend_.command != nullptr && replied_.size() >= 4; }));
  EXPECT_THAT(resets_, IsEmpty());
  EXPECT_THAT(replied_, ElementsAre(1, 3, 5, 7));
  backend_.command->End(0);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
}

TEST_F(SpdyServing, AClientThatOpensTooFewStreamsIsToldSo) {
  limits_.handshake_time = std::chrono::milliseconds(200);
  // What it opens lies in the socket before its time begins.
  const spdy::StreamId status = Open("error");
  Open("stdin");
  ServeExec();
  ASSERT_TRUE(WaitUntil([&] { return served_ && hung_up_; }));
  EXPECT_THAT(got_[status], HasSubstr("timed out waiting for the client to open its streams"));
  EXPECT_EQ(backend_.command, nullptr);
}

TEST_F(SpdyServing, AClientThatGoesTakesTheCommandWithIt) {
  ServeExec();
  OpenAll();
  socket_.Reset();
  reading_ = false;
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
  EXPECT_TRUE(backend_.command->killed);
}

TEST_F(SpdyServing, AClientThatSpeaksGarbageIsCutOff) {
  ServeExec();
  OpenAll();
  ASSERT_GT(::send(socket_.get(), "\xff\xff\xff\xff garbage garbage", 20, 0), 0);
  ASSERT_GT(::send(socket_.get(), "\x80\x03\x00\x06\xff\xff\xff\xff", 8, 0), 0);
  ASSERT_TRUE(WaitUntil([&] { return served_ && hung_up_; }));
  EXPECT_TRUE(backend_.command->killed);
}

// 8 MiB in and out again, through a command that is slower than both: every byte comes, and what waits is bounded.
TEST_F(SpdyServing, HoldsBackAClientWhoseCommandIsSlow) {
  ServeExec();
  OpenAll();
  Command& command = *backend_.command;
  std::string all;
  for (size_t i = 0; all.size() < 8 << 20; ++i) {
    all += base::StrCat(i, "\n");
  }
  size_t sent = 0;
  const auto send = [&] {
    sent += client_.Write(stdin_, std::string_view(all).substr(sent, 64 << 10));
    if (sent == all.size()) {
      client_.End(stdin_);
    }
    return false;
  };
  for (int i = 0; i < 300; ++i) {
    send();
    Turn();
  }
  EXPECT_LT(sent, 5 << 20);
  std::string waiting;
  bool copied = false;
  ASSERT_TRUE(WaitUntil([&] {
    send();
    waiting += ReadFrom(command.input);
    const ssize_t size = ::write(command.output.get(), waiting.data(), waiting.size());
    waiting.erase(0, size > 0 ? static_cast<size_t>(size) : 0);
    if (end_of_file_ && waiting.empty() && !std::exchange(copied, true)) {
      command.End(0);
    }
    return hung_up_;
  }));
  EXPECT_EQ(got_[stdout_].size(), all.size());
  EXPECT_TRUE(got_[stdout_] == all);
}

TEST_F(SpdyServing, AClientThatGoesWhileItsInputWaitsTakesTheCommandWithIt) {
  ServeExec();
  OpenAll();
  // Like the Go library it knows no windows, so TCP alone holds it back.
  std::string frame;
  spdy::WriteData(stdin_, std::string(64 << 10, 'x'), false, &frame);
  std::string unsent;
  size_t taken = 0;
  for (int i = 0; i < 300; ++i) {
    unsent += unsent.empty() ? frame : "";
    const ssize_t size = ::send(socket_.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    unsent.erase(0, size > 0 ? static_cast<size_t>(size) : 0);
    taken += size > 0 ? static_cast<size_t>(size) : 0;
    loop_.restart();
    loop_.run_for(std::chrono::microseconds(200));
  }
  EXPECT_FALSE(unsent.empty());
  EXPECT_LT(taken, 2 << 20);
  socket_.Reset();
  reading_ = false;
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
  EXPECT_TRUE(backend_.command->killed);
}

TEST_F(SpdyServing, HoldsBackACommandWhoseClientIsSlow) {
  ServeExec();
  OpenAll();
  reading_ = false;
  size_t written = 0;
  const std::string chunk(4096, 'x');
  for (int i = 0; i < 2000; ++i) {
    const ssize_t size = ::write(backend_.command->output.get(), chunk.data(), chunk.size());
    written += size > 0 ? static_cast<size_t>(size) : 0;
    loop_.restart();
    loop_.run_for(std::chrono::microseconds(200));
  }
  EXPECT_LT(written, 4 << 20);
  reading_ = true;
  backend_.command->End(0);
  ASSERT_TRUE(WaitUntil([&] { return hung_up_; }));
  EXPECT_EQ(got_[stdout_].size(), written);
}

class SpdyPortForward : public SpdyServing {
 protected:
  struct Streams {
    spdy::StreamId error = 0;
    spdy::StreamId data = 0;
  };
  Streams Forward(const std::string& port, const std::string& id) {
    spdy::Headers headers = {{"streamtype", "error"}, {"port", port}};
    if (!id.empty()) {
      headers.push_back({"requestid", id});
    }
    const spdy::StreamId error = client_.Open(headers, true);
    headers[0].value = "data";
    return {error, client_.Open(headers)};
  }
};

TEST_F(SpdyPortForward, ConnectsManyAtOnceAndEndsHalvesAlone) {
  ServePorts();
  const Streams first = Forward("80", "0");
  const Streams second = Forward("443", "1");
  ASSERT_TRUE(WaitUntil([&] { return backend_.servers.size() == 2; }));
  const base::UniqueFd& server = backend_.servers[80][0];
  client_.Write(first.data, "question");
  client_.End(first.data);
  std::string question;
  ASSERT_TRUE(WaitUntil([&] {
    question += ReadFrom(server);
    return end_of_file_;
  }));
  EXPECT_EQ(question, "question");
  ASSERT_EQ(::write(server.get(), "answer", 6), 6);
  ASSERT_TRUE(WaitUntil([&] { return got_[first.data] == "answer"; }));
  EXPECT_FALSE(HasEnded(first.data));
  backend_.servers[80].clear();
  ASSERT_TRUE(WaitUntil([&] { return HasEnded(first.data) && HasEnded(first.error); }));
  EXPECT_EQ(got_[first.error], "");
  // The other one goes on.
  client_.Write(second.data, "still");
  ASSERT_TRUE(WaitUntil([&] { return ReadFrom(backend_.servers[443][0]) == "still"; }));
  socket_.Reset();
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
}

TEST_F(SpdyPortForward, TellsOfAConnectionThatIsRefused) {
  ServePorts();
  const Streams streams = Forward("81", "0");
  ASSERT_TRUE(WaitUntil([&] { return HasEnded(streams.error) && HasEnded(streams.data); }));
  EXPECT_THAT(got_[streams.error], AllOf(HasSubstr("81"), HasSubstr("connection refused")));
  // And the session goes on.
  Forward("80", "1");
  ASSERT_TRUE(WaitUntil([&] { return backend_.servers.contains(80); }));
  socket_.Reset();
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
}

TEST_F(SpdyPortForward, PairsStreamsWithoutNumbers) {
  ServePorts();
  const Streams streams = Forward("80", "");
  ASSERT_TRUE(WaitUntil([&] { return backend_.servers.contains(80); }));
  client_.Write(streams.data, "x");
  ASSERT_TRUE(WaitUntil([&] { return ReadFrom(backend_.servers[80][0]) == "x"; }));
  socket_.Reset();
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
}

TEST_F(SpdyPortForward, RefusesWhatIsNoPortAndNoType) {
  ServePorts();
  for (const char* port : {"", "0", "65536", "80x", "-1", " 80"}) {
    const Streams streams = Forward(port, "0");
    EXPECT_TRUE(WaitUntil([&] { return resets_.contains(streams.error) && resets_.contains(streams.data); })) << port;
  }
  const spdy::StreamId odd = client_.Open({{"streamtype", "stdin"}, {"port", "80"}});
  EXPECT_TRUE(WaitUntil([&] { return resets_.contains(odd); }));
  socket_.Reset();
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
}

TEST_F(SpdyPortForward, TellsOfAPairThatIsNotWhole) {
  limits_.handshake_time = std::chrono::milliseconds(20);
  ServePorts();
  const spdy::StreamId error = client_.Open({{"streamtype", "error"}, {"port", "80"}, {"requestid", "5"}}, true);
  ASSERT_TRUE(WaitUntil([&] { return HasEnded(error); }));
  EXPECT_THAT(got_[error], HasSubstr("request 5: timed out"));
  socket_.Reset();
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
}

TEST_F(SpdyPortForward, AClientThatVanishesIsNotKeptByAServerThatDoesNotRead) {
  limits_.drain_time = std::chrono::milliseconds(20);
  ServePorts();
  const Streams streams = Forward("80", "0");
  ASSERT_TRUE(WaitUntil([&] { return backend_.servers[80].size() == 1; }));
  // Until its window is used up: the socket into the pod takes less.
  for (int turn = 0; turn < 100; ++turn) {
    client_.Write(streams.data, std::string(32 * 1024, 'x'));
    Turn();
  }
  socket_.Reset();
  EXPECT_TRUE(WaitUntil([&] { return served_; }));
}

TEST_F(SpdyPortForward, ForwardsNoMoreThanItsLimit) {
  limits_.forwards = 2;
  ServePorts();
  Forward("80", "0");
  Forward("80", "1");
  const Streams third = Forward("80", "2");
  ASSERT_TRUE(WaitUntil([&] { return resets_.contains(third.error) && resets_.contains(third.data); }));
  EXPECT_TRUE(WaitUntil([&] { return backend_.servers[80].size() == 2; }));
  socket_.Reset();
  ASSERT_TRUE(WaitUntil([&] { return served_; }));
}

}  // namespace
}  // namespace rktlet::streaming::serving
