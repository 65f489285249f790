// SPDX-License-Identifier: Apache-2.0
// Clients that are slow, stalled or silent, and what they may cost.
#include <nlohmann/json.hpp>

#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Le;

constexpr char kV5[] = "v5.channel.k8s.io";

class LimitsTest : public StreamingTest {
 protected:
  // Writes to the process's output for as long as somebody takes it: until it has been full for some turns of the loop.
  size_t Pour(size_t index, size_t limit) {
    const std::string bytes(64 * 1024, 'x');
    size_t total = 0;
    int full = 0;
    while (total < limit && full < 20 && !process(index).destroyed) {
      const size_t size = FakeProcess::WriteSome(process(index).output, bytes);
      total += size;
      full = size == 0 ? full + 1 : 0;
      int turns = 0;
      Eventually([&turns] { return ++turns > 3; });
    }
    return total;
  }
};

TEST_F(LimitsTest, ACommandWaitsForASlowClient) {
  limits_.exec_buffer = 128 * 1024;
  auto client = Open(Exec(false, true, false), kV5);
  client->Shrink();
  const size_t poured = Pour(0, 256 << 20);
  EXPECT_THAT(poured, Le(size_t{64} << 20));
  EXPECT_FALSE(process().destroyed);
  process().Exit(0);
  const auto channels = client->ReceiveAll();
  EXPECT_EQ(channels[1].size(), poured);
  EXPECT_THAT(channels[3], HasSubstr("Success"));
}

TEST_F(LimitsTest, AStalledAttachIsDroppedAndTold) {
  limits_.attach_buffer = 1 << 20;
  limits_.attach_stall = std::chrono::milliseconds(30);
  auto client = Open(Attach(false, true, false), kV5);
  client->Shrink();
  Pour(0, 256 << 20);
  EXPECT_TRUE(Eventually([&] { return process().destroyed; }));
  EXPECT_THAT(server_->buffered(), Le(size_t{64} * 1024));
  EXPECT_THAT(client->ReceiveAll()[3], HasSubstr("detached"));
}

TEST_F(LimitsTest, AStalledAttachThatNeverReadsAgainIsGoneInTime) {
  limits_.attach_buffer = 1 << 20;
  limits_.attach_stall = std::chrono::milliseconds(30);
  limits_.finish_time = std::chrono::milliseconds(50);
  auto client = Open(Attach(false, true, false), kV5);
  client->Shrink();
  Pour(0, 256 << 20);
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
  EXPECT_EQ(server_->buffered(), 0U);
}

TEST_F(LimitsTest, AnAttachThatReadsTooSlowlyForTooLongIsDropped) {
  limits_.attach_buffer = 256 * 1024;
  limits_.attach_stall = std::chrono::seconds(20);  // it does take something
  limits_.attach_pace = std::chrono::milliseconds(1);
  limits_.attach_patience = std::chrono::milliseconds(100);
  auto client = Open(Attach(false, true, false), kV5);
  client->Shrink();
  Pour(0, 256 << 20);  // and some time after nothing goes any more
  const std::string more(64 * 1024, 'x');
  for (int i = 0; i < 400 && !process().destroyed; ++i) {
    client->Receive();
    FakeProcess::WriteSome(process().output, more);
  }
  ASSERT_TRUE(process().destroyed);
  EXPECT_THAT(client->ReceiveAll()[3], HasSubstr("detached"));
}

TEST_F(LimitsTest, AnAttachThatKeepsThePaceMayBeSlowerThanTheContainer) {
  limits_.attach_buffer = 256 * 1024;
  limits_.attach_stall = std::chrono::seconds(20);
  limits_.attach_pace = std::chrono::seconds(20);
  limits_.attach_patience = std::chrono::milliseconds(1);
  auto client = Open(Attach(false, true, false), kV5);
  client->Shrink();
  Pour(0, 256 << 20);
  const std::string more(64 * 1024, 'x');
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(client->Receive().channel, 1);
    FakeProcess::WriteSome(process().output, more);
  }
  EXPECT_FALSE(process().destroyed);
  client->Drop();
}

TEST_F(LimitsTest, AllAttachedClientsTogetherAreBounded) {
  limits_.attach_buffer = 8 << 20;
  limits_.total_buffer = 512 * 1024;
  limits_.attach_stall = std::chrono::milliseconds(30);
  auto one = Open(Attach(false, true, false), kV5);
  auto two = Open(Attach(false, true, false), kV5);
  one->Shrink();
  two->Shrink();
  Pour(0, 256 << 20);
  Pour(1, 256 << 20);
  EXPECT_THAT(server_->buffered(), Le(size_t{1} << 20));
  EXPECT_TRUE(Eventually([&] { return process(0).destroyed && process(1).destroyed; }));
  one->Drop();
  two->Drop();
}

TEST_F(LimitsTest, AnAttachThatReadsGetsEverythingHoweverMuch) {
  limits_.attach_buffer = 256 * 1024;
  limits_.attach_stall = std::chrono::seconds(20);  // a busy machine is no client that takes nothing
  limits_.attach_patience = std::chrono::minutes(2);
  auto client = Open(Attach(false, true, false), kV5);
  const std::string bytes(64 * 1024, 'y');
  constexpr size_t kTotal = 16 << 20;
  size_t written = 0;
  size_t received = 0;
  while (received < kTotal) {
    while (written < kTotal) {
      const size_t size = FakeProcess::WriteSome(process().output, std::string_view(bytes).substr(0, kTotal - written));
      written += size;
      if (size == 0) {
        break;
      }
    }
    const Message message = client->Receive();
    ASSERT_EQ(message.channel, 1);
    received += message.data.size();
  }
  process().Exit(0);
  EXPECT_THAT(client->ReceiveAll()[3], HasSubstr("Success"));
}

TEST_F(LimitsTest, AClientThatTakesNothingAfterTheEndIsCutOff) {
  limits_.finish_time = std::chrono::milliseconds(50);
  auto client = Open(Exec(false, true, false), kV5);
  client->Shrink();
  Pour(0, 64 << 20);
  process().Exit(0);
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

TEST_F(LimitsTest, AStreamWithoutTrafficEndsAndIsTold) {
  limits_.idle_time = std::chrono::milliseconds(60);
  RestartServer({});
  auto client = Open(Exec(true, true, false), kV5);
  EXPECT_TRUE(Eventually([&] { return process().destroyed; }));
  EXPECT_THAT(client->ReceiveAll()[3], AllOf(HasSubstr("Failure"), HasSubstr("nothing has moved for 0.06 s")));
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
}

TEST_F(LimitsTest, AStopTellsTheClientsOfCommandsThatGoOn) {
  auto client = Open(Exec(true, true, false), kV5);
  StopServer(std::chrono::milliseconds(10));
  EXPECT_TRUE(process().destroyed);
  EXPECT_THAT(client->ReceiveAll()[3], AllOf(HasSubstr("Failure"), HasSubstr("rktlet is stopping")));
}

TEST_F(LimitsTest, TrafficInOneDirectionKeepsAStream) {
  limits_.idle_time = std::chrono::milliseconds(1000);
  RestartServer({});
  auto client = Open(Exec(true, true, false), kV5);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1600);
  client->Receive();
  while (std::chrono::steady_clock::now() < end) {
    FakeProcess::WriteSome(process().output, ".");
    ASSERT_EQ(client->Receive().data, ".");
  }
  EXPECT_FALSE(process().destroyed);
  process().Exit(0);
  client->ReceiveAll();
}

}  // namespace
}  // namespace rktlet::streaming
