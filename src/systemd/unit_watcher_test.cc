// SPDX-License-Identifier: Apache-2.0
#include "systemd/unit_watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "base/status_matchers.h"
#include "systemd/fake_manager.h"
#include "systemd/test_loop.h"

namespace rktlet::systemd {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using base::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Watcher : public testing::Test {
 protected:
  static UnitName Name(const std::string& name) { return *UnitName::Parse(name); }

  void Follow(const std::string& name, UnitWatcher::Expect expect = UnitWatcher::Expect::kNew) {
    watcher_.Follow(
        Name(name),
        [this](const UnitEvent& event) {
          events_.push_back(ToText(event));
          last_ = event;
        },
        expect);
  }

  absl::Status Start(const std::string& name, bool remain = true) {
    TransientUnit unit(Name(name));
    unit.Set("RemainAfterExit", remain);
    return loop_.Await(manager_.StartTransientUnit(std::move(unit), kDefaultJobTimeout));
  }

  int CallsOf(const std::string& method) const {
    return static_cast<int>(std::count_if(manager_.calls().begin(), manager_.calls().end(),
                                          [&](const std::string& call) { return call.starts_with(method); }));
  }

  TestLoop loop_;
  FakeManager manager_{loop_.executor()};
  std::vector<std::string> events_;
  std::optional<UnitEvent> last_;
  UnitWatcher watcher_{loop_.executor(), manager_};
  const UnitName web_ = Name("web.service");
};

TEST_F(Watcher, ReportsStartAndExitWithCodeAndTimes) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  EXPECT_THAT(events_, ElementsAre("started web.service pid=1000"));
  manager_.EmitExit(web_, {.code = 3});
  EXPECT_THAT(events_, ElementsAre("started web.service pid=1000", "exited web.service pid=1000 code=3"));
  EXPECT_EQ(last_->exited_at_usec, last_->started_at_usec + 1000);
  EXPECT_EQ(last_->reason, "main process exited with 3");
  EXPECT_EQ(last_->result, "exit-code");
}

TEST_F(Watcher, CostsNoCallForAUnitThatIsStarted) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  manager_.EmitExit(web_, {});
  loop_.Drain();
  EXPECT_THAT(manager_.calls(), ElementsAre("StartTransientUnit web.service"));
}

TEST_F(Watcher, TellsSignalsAndOomKills) {
  Follow("a.service");
  Follow("b.service");
  ASSERT_THAT(Start("a.service"), IsOk());
  ASSERT_THAT(Start("b.service"), IsOk());
  events_.clear();
  manager_.EmitExit(Name("a.service"), {.signal = SIGTERM});
  manager_.EmitExit(Name("b.service"), {.signal = SIGKILL}, "oom-kill");
  EXPECT_THAT(events_, ElementsAre("exited a.service pid=1000 signal=15", "exited b.service pid=1001 signal=9 oom"));
}

TEST_F(Watcher, HearsOnlyOfFollowedUnits) {
  Follow("web.service");
  ASSERT_THAT(Start("other.service"), IsOk());
  manager_.EmitExit(Name("other.service"), {});
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_FALSE(static_cast<bool>(watcher_.Find(Name("other.service"))));
}

TEST_F(Watcher, IsSilentAfterUnfollow) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  events_.clear();
  watcher_.Unfollow(web_);
  manager_.EmitExit(web_, {});
  loop_.Drain();
  EXPECT_THAT(events_, IsEmpty());
  EXPECT_EQ(watcher_.size(), 0U);
}

TEST_F(Watcher, ReportsAnExitOnceHoweverOftenItIsTold) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  manager_.EmitExit(web_, {.code = 1});
  events_.clear();
  for (int i = 0; i < 3; ++i) {
    manager_.EmitResync();
    loop_.Drain();
  }
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(Watcher, FindsWhatWasThereBeforeItFollowed) {
  manager_.AddUnit(web_);
  manager_.AddUnit(Name("done.service"), {{"RemainAfterExit", true}});
  manager_.EmitExit(Name("done.service"), {.code = 7});
  Follow("web.service", UnitWatcher::Expect::kExisting);
  Follow("done.service", UnitWatcher::Expect::kExisting);
  EXPECT_THAT(events_, IsEmpty()) << "a callback came from inside Follow";
  ASSERT_TRUE(loop_.RunUntil([this] { return events_.size() == 2; }));
  EXPECT_THAT(events_, ElementsAre("exited done.service pid=1001 code=7", "started web.service pid=1000"));
  EXPECT_EQ(watcher_.Find(web_)->sub_state, "running");
  EXPECT_EQ(CallsOf("ListUnits"), 1);
}

TEST_F(Watcher, MissesNoExitWhileSignalsWereLost) {
  Follow("web.service");
  Follow("calm.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  ASSERT_THAT(Start("calm.service"), IsOk());
  manager_.EmitResync();
  loop_.Drain();
  events_.clear();
  manager_.ClearCalls();
  UnitFacts& facts = manager_.Find(web_)->facts;
  facts.main_pid = 0;
  facts.exec_main_code = ExitCode::kKilled;
  facts.exec_main_status = SIGKILL;
  facts.sub_state = facts.active_state = "failed";
  manager_.EmitResync();
  ASSERT_TRUE(loop_.RunUntil([this] { return !events_.empty(); }));
  EXPECT_THAT(events_, ElementsAre("exited web.service pid=1000 signal=9"));
  EXPECT_THAT(manager_.calls(), ElementsAre("ListUnits", "GetUnit web.service"))
      << "unchanged units are not read again";
}

TEST_F(Watcher, ReportsAUnitThatVanishedAsGone) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  events_.clear();
  manager_.EmitGone(web_);
  ASSERT_TRUE(loop_.RunUntil([this] { return !events_.empty(); }));
  EXPECT_THAT(events_, ElementsAre(HasSubstr("gone web.service")));
  EXPECT_EQ(watcher_.Find(web_), nullptr);
}

TEST_F(Watcher, ReportsNothingWhenAUnitIsUnloadedAfterItsExit) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service", /*remain=*/false), IsOk());
  manager_.EmitExit(web_, {});
  loop_.Drain();
  EXPECT_THAT(events_, ElementsAre("started web.service pid=1000", "exited web.service pid=1000 code=0"));
}

TEST_F(Watcher, ReportsAnExpectedUnitThatIsNotThereAsGone) {
  Follow("web.service", UnitWatcher::Expect::kExisting);
  Follow("new.service", UnitWatcher::Expect::kNew);
  ASSERT_TRUE(loop_.RunUntil([this] { return !events_.empty(); }));
  loop_.Drain();
  EXPECT_THAT(events_, ElementsAre(HasSubstr("gone web.service")));
}

TEST_F(Watcher, SurvivesADaemonReloadThatRemovesAndAddsUnits) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  events_.clear();
  const FakeManager::Unit unit = *manager_.Find(web_);
  manager_.EmitGone(web_);
  manager_.AddUnit(web_) = unit;
  manager_.EmitResync();
  loop_.Drain();
  EXPECT_THAT(events_, IsEmpty());
  manager_.EmitExit(web_, {.code = 2});
  EXPECT_THAT(events_, ElementsAre("exited web.service pid=1000 code=2"));
}

TEST_F(Watcher, ReportsAFailedStartWithoutAMainProcess) {
  Follow("web.service");
  manager_.FailJob(web_, "failed", "exit-code");
  const absl::Status status = Start("web.service");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal,
                               AllOf(HasSubstr("job ended with \"failed\""), HasSubstr("Result=exit-code"))));
  EXPECT_EQ(JobResultOf(status), "failed");
  EXPECT_THAT(events_, ElementsAre(AllOf(HasSubstr("failed web.service"), HasSubstr("exit-code"))));
  manager_.EmitGone(web_);
  loop_.Drain();
  EXPECT_EQ(events_.size(), 1U);
}

TEST_F(Watcher, PrefersASignalToAnOlderAnswer) {
  manager_.AddUnit(web_, {{"RemainAfterExit", true}});
  Follow("web.service", UnitWatcher::Expect::kExisting);
  // The exit arrives while the first read is under way.
  ASSERT_TRUE(loop_.RunUntil([this] { return CallsOf("GetUnit") == 1; }));
  manager_.EmitExit(web_, {.code = 5});
  loop_.Drain();
  EXPECT_THAT(events_, ElementsAre("exited web.service pid=1000 code=5"));
  EXPECT_EQ(CallsOf("GetUnit"), 2);
}

TEST_F(Watcher, TriesAgainWhenSystemdDoesNotAnswer) {
  manager_.AddUnit(web_);
  manager_.FailCall("GetUnit", absl::DeadlineExceededError("slow"));
  Follow("web.service", UnitWatcher::Expect::kExisting);
  ASSERT_TRUE(loop_.RunUntil([this] { return !events_.empty(); }));
  EXPECT_THAT(events_, ElementsAre("started web.service pid=1000"));
}

TEST_F(Watcher, WaitsForTheResyncWhenTheBusIsAway) {
  manager_.AddUnit(web_);
  manager_.SetConnectionStatus(absl::UnavailableError("no bus"));
  Follow("web.service", UnitWatcher::Expect::kExisting);
  loop_.Drain();
  EXPECT_THAT(events_, IsEmpty());
  manager_.SetConnectionStatus(absl::OkStatus());
  manager_.EmitResync();
  ASSERT_TRUE(loop_.RunUntil([this] { return !events_.empty(); }));
  EXPECT_THAT(events_, ElementsAre("started web.service pid=1000"));
}

TEST_F(Watcher, LetsACallbackUnfollowItsOwnUnit) {
  watcher_.Follow(web_, [this](const UnitEvent& event) {
    events_.push_back(ToText(event));
    watcher_.Unfollow(event.unit);
  });
  ASSERT_THAT(Start("web.service"), IsOk());
  manager_.EmitExit(web_, {});
  EXPECT_THAT(events_, ElementsAre("started web.service pid=1000"));
}

TEST_F(Watcher, ListsManyUnitsByOnePattern) {
  for (int i = 0; i < 100; ++i) {
    const std::string name = "u" + std::to_string(i) + ".service";
    manager_.AddUnit(Name(name));
    Follow(name, UnitWatcher::Expect::kExisting);
  }
  ASSERT_TRUE(loop_.RunUntil([this] { return events_.size() == 100; }));
  EXPECT_EQ(CallsOf("ListUnits"), 1);
}

TEST(UnitWatcherLifetime, EndsWithReadsUnderWay) {
  TestLoop loop;
  FakeManager manager(loop.executor());
  manager.AddUnit(*UnitName::Parse("web.service"));
  {
    UnitWatcher watcher(loop.executor(), manager);
    watcher.Follow(
        *UnitName::Parse("web.service"), [](const UnitEvent&) { FAIL(); }, UnitWatcher::Expect::kExisting);
    ASSERT_TRUE(loop.RunUntil([&] { return !manager.calls().empty(); }));
  }
  loop.Drain();
}

TEST_F(Watcher, SeesHeldJobsAndTheirTimeout) {
  Follow("web.service");
  manager_.HoldJobs();
  TransientUnit unit(web_);
  const auto result = loop_.Await(manager_.StartTransientUnit(std::move(unit), std::chrono::milliseconds(10)));
  EXPECT_THAT(result, StatusCodeIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(Watcher, KillsAndStopsThroughTheFake) {
  Follow("web.service");
  ASSERT_THAT(Start("web.service"), IsOk());
  events_.clear();
  EXPECT_THAT(loop_.Await(manager_.KillUnit(web_, KillWho::kMain, SIGTERM, kDefaultCallTimeout)), IsOk());
  EXPECT_THAT(loop_.Await(manager_.KillUnit(web_, KillWho::kMain, SIGTERM, kDefaultCallTimeout)),
              StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(loop_.Await(manager_.StopUnit(web_, kDefaultJobTimeout)), IsOk());
  EXPECT_THAT(loop_.Await(manager_.StopUnit(web_, kDefaultJobTimeout)), IsOk());
  EXPECT_THAT(events_, ElementsAre("exited web.service pid=1000 signal=15"));
  EXPECT_THAT(manager_.calls(),
              ElementsAre("StartTransientUnit web.service", "KillUnit web.service main 15",
                          "KillUnit web.service main 15", "StopUnit web.service", "StopUnit web.service"));
}

}  // namespace
}  // namespace rktlet::systemd
