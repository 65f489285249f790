// SPDX-License-Identifier: Apache-2.0
// Exec and attach over the channels of a WebSocket, against the server as it is.
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kV5[] = "v5.channel.k8s.io";
constexpr char kV4[] = "v4.channel.k8s.io";

using RemoteCommandTest = StreamingTest;

class EveryProtocol : public StreamingTest, public testing::WithParamInterface<const char*> {
 protected:
  bool Json() const { return std::string(GetParam()).find("v4") == 0 || std::string(GetParam()).find("v5") == 0; }
};

INSTANTIATE_TEST_SUITE_P(WebSocket, EveryProtocol,
                         testing::Values("", "channel.k8s.io", "v2.channel.k8s.io", "v3.channel.k8s.io", kV4, kV5,
                                         "base64.channel.k8s.io", "v4.base64.channel.k8s.io"));

TEST_P(EveryProtocol, CarriesAllStreamsAndTheExitCode) {
  auto client = Open(Exec(true, true, true), GetParam());
  EXPECT_EQ(client->protocol(), GetParam());
  EXPECT_EQ(client->Receive().channel, 1);  // the empty message that says hello
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) {
    all_bytes += static_cast<char>(i);
  }
  ASSERT_TRUE(client->Send(0, all_bytes));
  std::string input;
  EXPECT_TRUE(Eventually([&] { return !process().ReadInput(input) && input.size() == all_bytes.size(); }));
  EXPECT_EQ(input, all_bytes);
  FakeProcess::WriteSome(process().output, all_bytes);
  FakeProcess::WriteSome(process().error, "oops");
  process().Exit(7);
  int close_code = 0;
  const auto channels = client->ReceiveAll(&close_code);
  EXPECT_EQ(channels[1], all_bytes);
  EXPECT_EQ(channels[2], "oops");
  EXPECT_EQ(close_code, 1000);
  if (Json()) {
    EXPECT_EQ(json::parse(channels[3])["details"]["causes"][0]["message"], "7");
  } else {
    EXPECT_THAT(channels[3], HasSubstr("exit status 7"));
  }
}

TEST_P(EveryProtocol, TellsSuccess) {
  auto client = Open(Exec(false, true, false), GetParam());
  process().Exit(0);
  const auto channels = client->ReceiveAll();
  if (Json()) {
    EXPECT_EQ(json::parse(channels[3])["status"], "Success");
  } else {
    EXPECT_THAT(channels[3], IsEmpty());
  }
}

TEST_F(RemoteCommandTest, ASignalIsAnExitCode) {
  auto client = Open(Exec(false, true, false), kV5);
  process().Exit(137);
  EXPECT_EQ(json::parse(client->ReceiveAll()[3])["details"]["causes"][0]["message"], "137");
}

TEST_F(RemoteCommandTest, ACommandThatCannotRunIsAnInternalError) {
  auto client = Open(Exec(false, true, true), kV5);
  process().Exit(absl::NotFoundError("no such command: nope"));
  const json status = json::parse(client->ReceiveAll()[3]);
  EXPECT_EQ(status["reason"], "InternalError");
  EXPECT_THAT(status["message"].get<std::string>(), HasSubstr("no such command: nope"));
}

TEST_F(RemoteCommandTest, ABackendThatRefusesIsToldToTheClient) {
  backend_.failure = absl::FailedPreconditionError("the container has ended");
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Exec(false, true, false)), kV4), 101);
  EXPECT_THAT(client->ReceiveAll()[3], HasSubstr("the container has ended"));
}

TEST_F(RemoteCommandTest, TheRequestReachesTheBackend) {
  auto client = Open(Exec(true, true, false, true), kV5);
  EXPECT_THAT(process().request.command, ElementsAre("sh"));
  EXPECT_TRUE(process().request.tty);
  EXPECT_TRUE(process().request.input);
  EXPECT_FALSE(process().request.error);
  client->Drop();
}

TEST_F(RemoteCommandTest, HalfCloseEndsTheInputAndNothingElse) {
  auto client = Open(Exec(true, true, false), kV5);
  ASSERT_TRUE(client->Send(0, "the last words"));
  ASSERT_TRUE(client->SendClose(0));
  std::string input;
  EXPECT_TRUE(Eventually([&] { return process().ReadInput(input); }));
  EXPECT_EQ(input, "the last words");
  FakeProcess::WriteSome(process().output, "an answer");
  process().Exit(0);
  EXPECT_EQ(client->ReceiveAll()[1], "an answer");
}

TEST_F(RemoteCommandTest, Version4HasNoHalfClose) {
  auto client = Open(Exec(true, true, false), kV4);
  ASSERT_TRUE(client->SendClose(0));
  ASSERT_TRUE(client->Send(0, "still here"));
  std::string input;
  EXPECT_TRUE(Eventually([&] { return !process().ReadInput(input) && input == "still here"; }));
  client->Drop();
}

TEST_F(RemoteCommandTest, ABrokenCloseSignalEndsTheConnection) {
  for (const std::string& signal : {std::string("\xff"), std::string("\xff\x00\x00", 3), std::string("\xff\x09")}) {
    const size_t before = backend_.processes.size();
    auto client = Open(Exec(true, true, false), kV5);
    ASSERT_TRUE(client->SendRaw(signal));
    client->ReceiveAll();
    EXPECT_TRUE(Eventually([&] { return process(before).destroyed; }));
  }
}

TEST_F(RemoteCommandTest, UnknownChannelsAndUnwantedInputAreIgnored) {
  auto client = Open(Exec(false, true, false), kV5);
  ASSERT_TRUE(client->Send(0, "nobody asked"));
  ASSERT_TRUE(client->Send(1, "backwards"));
  ASSERT_TRUE(client->Send(77, "nowhere"));
  ASSERT_TRUE(client->SendRaw(""));
  FakeProcess::WriteSome(process().output, "fine");
  process().Exit(0);
  EXPECT_EQ(client->ReceiveAll()[1], "fine");
}

TEST_F(RemoteCommandTest, ResizesReachTheTerminal) {
  auto client = Open(Exec(true, true, false, true), kV4);
  ASSERT_TRUE(client->Send(4, R"({"Width":80,"Height":24})"));
  EXPECT_TRUE(Eventually([&] { return process().sizes.size() == 1; }));
  ASSERT_TRUE(client->Send(4, R"({"Width":132,"Hei)"));
  ASSERT_TRUE(client->Send(4, R"(ght":43})"));
  EXPECT_TRUE(Eventually([&] { return process().sizes.size() == 2; }));
  EXPECT_THAT(process().sizes, ElementsAre(Eq(TerminalSize{80, 24}), Eq(TerminalSize{132, 43})));
  ASSERT_TRUE(client->Send(4, "garbage}"));
  process().Exit(0);
  EXPECT_EQ(json::parse(client->ReceiveAll()[3])["status"], "Success");
}

TEST_F(RemoteCommandTest, ASizeThatComesFirstIsTheTerminalsFromItsStart) {
  limits_.size_time = std::chrono::seconds(20);
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Exec(true, true, false, true)), kV4), 101);
  ASSERT_TRUE(client->Send(4, R"({"Width":80,)"));
  ASSERT_TRUE(client->Send(4, R"("Height":24})"));
  ASSERT_TRUE(Eventually([&] { return backend_.processes.size() == 1; }));
  EXPECT_EQ(process().request.size, (TerminalSize{80, 24}));
  process().Exit(0);
  EXPECT_EQ(json::parse(client->ReceiveAll()[3])["status"], "Success");
}

TEST_F(RemoteCommandTest, ATerminalWithoutASizeIsNotWaitedForLong) {
  limits_.size_time = std::chrono::milliseconds(1);
  auto client = Open(Exec(true, true, false, true), kV5);
  EXPECT_EQ(process().request.size, std::nullopt);
  client->Drop();
}

TEST_F(RemoteCommandTest, AClientThatVanishesBeforeItTellsItsSizeStartsNothing) {
  limits_.size_time = std::chrono::seconds(20);
  auto client = Client();
  ASSERT_EQ(client->Connect(Url(Exec(true, true, false, true)), kV5), 101);
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
  EXPECT_THAT(backend_.processes, testing::IsEmpty());
}

TEST_F(RemoteCommandTest, AClientThatVanishesEndsTheCommand) {
  auto client = Open(Exec(true, true, false), kV5);
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return process().destroyed; }));
}

TEST_F(RemoteCommandTest, AClientThatClosesEndsTheCommand) {
  auto client = Open(Exec(true, true, false), kV4);
  client->Receive();
  client->Close();
  EXPECT_TRUE(Eventually([&] { return process().destroyed; }));
}

TEST_F(RemoteCommandTest, AClientThatVanishesWhileItsInputWaitsEndsTheCommand) {
  auto client = Open(Exec(true, true, false), kV5);
  ASSERT_TRUE(client->Send(0, std::string(96 * 1024, 'x')));  // more than the pipe takes
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return process().destroyed; }));
}

TEST_F(RemoteCommandTest, InputThatNobodyReadsAnyMoreIsDropped) {
  auto client = Open(Exec(true, true, false), kV5);
  process().input.Reset();
  ASSERT_TRUE(client->Send(0, "one"));
  ASSERT_TRUE(client->Send(0, "two"));
  FakeProcess::WriteSome(process().output, "alive");
  client->Receive();
  EXPECT_EQ(client->Receive().data, "alive");
  process().Exit(0);
  EXPECT_EQ(json::parse(client->ReceiveAll()[3])["status"], "Success");
}

TEST_F(RemoteCommandTest, OutputOfProcessesThatStayBehindIsNotWaitedFor) {
  limits_.drain_time = std::chrono::milliseconds(40);
  auto client = Open(Exec(false, true, false), kV5);
  const base::UniqueFd left_behind(std::move(process().output));
  FakeProcess::WriteSome(left_behind, "before the end");
  process().Exit(0);
  const auto channels = client->ReceiveAll();
  EXPECT_EQ(channels[1], "before the end");
  EXPECT_EQ(json::parse(channels[3])["status"], "Success");
}

TEST_F(RemoteCommandTest, OutputThatEndsEarlyDoesNotEndTheCommand) {
  auto client = Open(Exec(true, true, false), kV5);
  process().output.Reset();
  ASSERT_TRUE(client->Send(0, "still read"));
  std::string input;
  EXPECT_TRUE(Eventually([&] { return !process().ReadInput(input) && !input.empty(); }));
  EXPECT_FALSE(process().destroyed);
  process().Exit(3);
  EXPECT_EQ(json::parse(client->ReceiveAll()[3])["details"]["causes"][0]["message"], "3");
}

TEST_F(RemoteCommandTest, ATerminalThatNobodyHasOpenForAMomentIsStillRead) {
  backend_.terminals = true;
  limits_.size_time = std::chrono::milliseconds(1);
  auto client = Open(Exec(true, true, false, true), kV5);
  client->Receive();
  FakeProcess::WriteSome(process().terminal, "one");
  EXPECT_EQ(client->Receive().data, "one");
  process().terminal.Reset();
  int turns = 0;
  Eventually([&turns] { return ++turns > 10; });  // it is found out
  process().terminal =
      base::UniqueFd(::open(process().terminal_path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  ASSERT_TRUE(process().terminal.valid());
  FakeProcess::WriteSome(process().terminal, "two");
  EXPECT_EQ(client->Receive().data, "two");
  FakeProcess::WriteSome(process().terminal, "three");
  EXPECT_EQ(client->Receive().data, "three");
  FakeProcess::WriteSome(process().terminal, "the end");
  process().Exit(0);
  const auto channels = client->ReceiveAll();
  EXPECT_EQ(channels[1], "the end");
  EXPECT_EQ(json::parse(channels[3])["status"], "Success");
}

TEST_F(RemoteCommandTest, AttachEndsWithTheContainer) {
  auto client = Open(Attach(true, true, true), kV5);
  FakeProcess::WriteSome(process().output, "from the container");
  process().Exit(0);
  const auto channels = client->ReceiveAll();
  EXPECT_EQ(channels[1], "from the container");
  EXPECT_EQ(json::parse(channels[3])["status"], "Success");
}

TEST_F(RemoteCommandTest, MuchDataArrivesWholeInBothDirections) {
  auto client = Open(Exec(true, true, false), kV5);
  constexpr size_t kTotal = 4 << 20;
  std::string sent(kTotal, '\0');
  for (size_t i = 0; i < kTotal; ++i) {
    sent[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  std::string input;
  for (size_t at = 0; at < kTotal; at += 100'000) {
    ASSERT_TRUE(client->Send(0, std::string_view(sent).substr(at, 100'000)));
    process().ReadInput(input);
  }
  ASSERT_TRUE(client->SendClose(0));
  EXPECT_TRUE(Eventually([&] { return process().ReadInput(input); }));
  EXPECT_TRUE(input == sent);
  std::string received;
  size_t written = 0;
  while (received.size() < kTotal) {
    written += FakeProcess::WriteSome(process().output, std::string_view(sent).substr(written));
    received += client->Receive().data;
  }
  EXPECT_TRUE(received == sent);
  process().Exit(0);
  client->ReceiveAll();
}

TEST_F(RemoteCommandTest, FiftyAtATimeDoNotMixUp) {
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(Open(i % 2 == 0 ? Exec(true, true, true) : Attach(true, true, true), kV5));
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    ASSERT_TRUE(clients[i]->Send(0, std::to_string(i)));
    FakeProcess::WriteSome(process(i).output, "out" + std::to_string(i));
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    std::string input;
    EXPECT_TRUE(Eventually([&] { return !process(i).ReadInput(input) && input == std::to_string(i); }));
    if (i % 5 == 0) {
      clients[i]->Drop();
      continue;
    }
    process(i).Exit(static_cast<int>(i) + 1);
    const auto channels = clients[i]->ReceiveAll();
    EXPECT_EQ(channels[1], "out" + std::to_string(i));
    EXPECT_EQ(json::parse(channels[3])["details"]["causes"][0]["message"], std::to_string(i + 1));
  }
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

}  // namespace
}  // namespace rktlet::streaming
