// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/sync.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rktlet/pods/slices.h"

namespace rktlet::pods {
namespace {

using testing::ElementsAre;

class SyncTest : public testing::Test {
 protected:
  void Spawn(Awaitable<void> work) { boost::asio::co_spawn(loop, std::move(work), boost::asio::detached); }
  Awaitable<void> Use(std::string name, bool exclusive, Event leave) {
    Queue::Turn turn;
    if (exclusive) {
      turn = co_await queue.Exclusive();
    } else {
      turn = co_await queue.Shared();
    }
    log.push_back("+" + name);
    co_await leave.Wait();
    log.push_back("-" + name);
  }
  void Poll() {
    loop.restart();
    loop.poll();
  }

  boost::asio::io_context loop;
  Queue queue{loop.get_executor()};
  std::vector<std::string> log;
};

TEST_F(SyncTest, AnEventWakesAllWhoWaitAndLetsLaterOnesPass) {
  Event event(loop.get_executor());
  const auto wait = [](Event event, std::vector<std::string>& log, std::string name) -> Awaitable<void> {
    co_await event.Wait();
    log.push_back(name);
  };
  Spawn(wait(event, log, "a"));
  Spawn(wait(event, log, "b"));
  Poll();
  EXPECT_TRUE(log.empty());
  event.Set();
  event.Set();
  Poll();
  Spawn(wait(event, log, "c"));
  Poll();
  EXPECT_THAT(log, ElementsAre("a", "b", "c"));
}

TEST_F(SyncTest, AWaitEndsAtItsDeadline) {
  const Event event(loop.get_executor());
  bool happened = true;
  const auto wait = [](Event event, bool& happened) -> Awaitable<void> {
    happened = co_await event.WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
  };
  Spawn(wait(event, happened));
  loop.run();
  EXPECT_FALSE(happened);
}

TEST_F(SyncTest, AnExclusiveTurnThatDoesNotComeInTimeLeavesTheLine) {
  const auto take = [](Queue& queue, std::optional<bool>& came) -> Awaitable<void> {
    const auto turn = co_await queue.ExclusiveUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    came = turn.has_value();
  };
  Event leave(loop.get_executor());
  Spawn(Use("first", true, leave));
  Poll();
  std::optional<bool> came;
  Spawn(take(queue, came));
  Spawn(Use("behind", true, leave));
  loop.restart();
  while (!came.has_value()) {
    loop.run_one();
  }
  EXPECT_EQ(came, false);
  leave.Set();
  Poll();
  EXPECT_THAT(log, ElementsAre("+first", "-first", "+behind", "-behind"));
  came.reset();
  Spawn(take(queue, came));
  Poll();
  EXPECT_EQ(came, true);
}

TEST_F(SyncTest, SharedTurnsRunTogetherAndAnExclusiveOneAloneInTheOrderOfArrival) {
  Event first(loop.get_executor());
  Event second(loop.get_executor());
  Event third(loop.get_executor());
  Spawn(Use("s1", false, first));
  Spawn(Use("s2", false, first));
  Spawn(Use("x", true, second));
  Spawn(Use("s3", false, third));
  Poll();
  EXPECT_THAT(log, ElementsAre("+s1", "+s2"));
  first.Set();
  Poll();
  EXPECT_THAT(log, ElementsAre("+s1", "+s2", "-s1", "-s2", "+x"));
  second.Set();
  Poll();
  EXPECT_THAT(log, ElementsAre("+s1", "+s2", "-s1", "-s2", "+x", "-x", "+s3"));
  third.Set();
  Poll();
}

TEST(Slices, KnowTheirParents) {
  EXPECT_EQ(ParentSlice("a-b-c.slice"), "a-b.slice");
  EXPECT_EQ(ParentSlice("a.slice"), "");
  EXPECT_TRUE(IsWithin("a-b.slice", "a.slice"));
  EXPECT_TRUE(IsWithin("a.slice", "a.slice"));
  EXPECT_FALSE(IsWithin("ab.slice", "a.slice"));
  EXPECT_FALSE(IsWithin("a.slice", "a-b.slice"));
}

}  // namespace
}  // namespace rktlet::pods
