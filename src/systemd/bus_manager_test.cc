// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "systemd/fake_systemd.h"
#include "systemd/test_loop.h"
#include "systemd/unit_watcher.h"

namespace rktlet::systemd {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using base::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr milliseconds kLong = seconds(20);

UnitName Name(const std::string& name) { return *UnitName::Parse(name); }

BusOptions Options(const std::string& address) {
  return {.address = address, .reconnect_first = milliseconds(5), .reconnect_max = milliseconds(50)};
}

class BusManagerTest : public testing::Test {
 protected:
  BusManagerTest() { systemd_.Join(bus_.address()); }

  void Connect() {
    manager_ = std::make_unique<BusManager>(loop_.executor(), Options(bus_.address()));
    ASSERT_THAT(loop_.Await(manager_->WaitConnected(kLong)), IsOk());
  }

  auto Start(const std::string& name, milliseconds timeout = kLong) {
    TransientUnit unit(Name(name));
    unit.Set("Description", "a test").Set("TasksMax", kInfinity).ExecStart({.path = "/bin/true", .argv = {"true"}});
    return manager_->StartTransientUnit(std::move(unit), timeout);
  }

  bool Called(const std::string& call) const {
    return std::find(systemd_.calls.begin(), systemd_.calls.end(), call) != systemd_.calls.end();
  }

  PrivateBus bus_;
  TestLoop loop_;
  FakeSystemd systemd_{loop_.executor()};
  std::unique_ptr<BusManager> manager_;
};

TEST_F(BusManagerTest, SubscribesAndReadsTheVersionWhenItConnects) {
  Connect();
  EXPECT_THAT(systemd_.calls, ElementsAre("Subscribe"));
  EXPECT_EQ(manager_->info().version, "252");
  EXPECT_EQ(manager_->info().features, "+PAM");
  EXPECT_TRUE(manager_->connected());
}

TEST_F(BusManagerTest, StartsAUnitWithOneCallAndWaitsForItsJob) {
  Connect();
  systemd_.calls.clear();
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  EXPECT_THAT(systemd_.calls,
              ElementsAre("StartTransientUnit a.service fail Description=s TasksMax=t ExecStart=a(sasb)"));
}

TEST_F(BusManagerTest, TakesAJobResultThatComesBeforeTheReply) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kSignalBeforeReply;
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
}

TEST_F(BusManagerTest, TellsWhyAJobFailed) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kFail;
  const absl::Status status = loop_.Await(Start("a.service"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal,
                               AllOf(HasSubstr("start of unit a.service"), HasSubstr("\"failed\""),
                                     HasSubstr("Result=exit-code"), HasSubstr("it says: no such image"))));
  EXPECT_EQ(JobResultOf(status), "failed");
}

TEST_F(BusManagerTest, EndsAWaitForAJobAtItsDeadline) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kNeverEnd;
  EXPECT_THAT(loop_.Await(Start("a.service", milliseconds(50))),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("its job has not ended")));
}

TEST_F(BusManagerTest, EndsAWaitForAReplyAtItsDeadline) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kNeverReply;
  EXPECT_THAT(loop_.Await(Start("a.service", milliseconds(50))),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("StartTransientUnit")));
}

TEST_F(BusManagerTest, StartsManyUnitsAtOnce) {
  Connect();
  std::vector<std::shared_ptr<std::optional<absl::Status>>> results;
  for (int i = 0; i < 50; ++i) {
    systemd_.jobs = i % 2 == 0 ? FakeSystemd::Jobs::kSignalBeforeReply : FakeSystemd::Jobs::kSignalAfterReply;
    results.push_back(loop_.Spawn(Start("u" + std::to_string(i) + ".service")));
  }
  for (const auto& result : results) {
    ASSERT_TRUE(loop_.RunUntil([&] { return result->has_value(); }));
    EXPECT_THAT(**result, IsOk());
  }
}

TEST_F(BusManagerTest, TellsWhatIsWrongWithACall) {
  Connect();
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  EXPECT_THAT(loop_.Await(Start("a.service")), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("already loaded")));
  EXPECT_THAT(loop_.Await(manager_->KillUnit(Name("no.service"), KillWho::kMain, SIGTERM, kLong)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no.service not loaded")));
  EXPECT_THAT(loop_.Await(manager_->GetUnit(Name("no.service"), kLong)), StatusCodeIs(absl::StatusCode::kNotFound));
  TransientUnit wrong(Name("b.service"));
  wrong.Set("TasksMax", int32_t{1});
  EXPECT_THAT(loop_.Await(manager_->StartTransientUnit(std::move(wrong), kLong)),
              StatusCodeIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BusManagerTest, StopsKillsSetsAndResets) {
  Connect();
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  const UnitName name = Name("a.service");
  systemd_.calls.clear();
  EXPECT_THAT(loop_.Await(manager_->KillUnit(name, KillWho::kAll, SIGKILL, kLong)), IsOk());
  EXPECT_THAT(loop_.Await(manager_->SetUnitProperties(name, {{"MemoryMax", uint64_t{1}}}, kLong)), IsOk());
  EXPECT_THAT(loop_.Await(manager_->SetUnitProperties(name, {{"MemoryMax", int32_t{1}}}, kLong)),
              StatusCodeIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(loop_.Await(manager_->ResetFailedUnit(name, kLong)), IsOk());
  EXPECT_THAT(loop_.Await(manager_->StopUnit(name, kLong)), IsOk());
  EXPECT_THAT(loop_.Await(manager_->StopUnit(name, kLong)), IsOk());
  EXPECT_THAT(loop_.Await(manager_->ResetFailedUnit(name, kLong)), IsOk());
  EXPECT_THAT(systemd_.calls, ElementsAre("KillUnit a.service all 9", "SetUnitProperties a.service runtime MemoryMax=t",
                                          "ResetFailedUnit a.service", "StopUnit a.service replace",
                                          "StopUnit a.service replace", "ResetFailedUnit a.service"));
}

TEST_F(BusManagerTest, ReadsAUnitWhole) {
  Connect();
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  systemd_.Exit("a.service", 7);
  ASSERT_OK_AND_ASSIGN(const UnitFacts facts, loop_.Await(manager_->GetUnit(Name("a.service"), kLong)));
  EXPECT_EQ(facts.active_state, "failed");
  EXPECT_EQ(facts.exec_main_pid, 100);
  EXPECT_EQ(facts.exec_main_status, 7);
  EXPECT_EQ(facts.invocation_id, "abababababababababababababababab");
  EXPECT_TRUE(facts.Exited());
  EXPECT_EQ(facts.job_id, 0U);
}

TEST_F(BusManagerTest, ListsUnits) {
  Connect();
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  std::vector<std::string> patterns = {"*.service"};
  ASSERT_OK_AND_ASSIGN(const std::vector<UnitSummary> units, loop_.Await(manager_->ListUnits(patterns, kLong)));
  ASSERT_THAT(units, SizeIs(1));
  EXPECT_EQ(units[0].name, Name("a.service"));
  EXPECT_EQ(units[0].active_state, "active");
}

TEST_F(BusManagerTest, FeedsAWatcher) {
  Connect();
  UnitWatcher watcher(loop_.executor(), *manager_);
  std::vector<std::string> events;
  watcher.Follow(Name("a.service"), [&](const UnitEvent& event) { events.push_back(ToText(event)); });
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  EXPECT_THAT(loop_.Await(Start("unrelated.service")), IsOk());
  systemd_.Exit("a.service", 3);
  ASSERT_TRUE(loop_.RunUntil([&] { return events.size() == 2; }));
  EXPECT_THAT(events, ElementsAre("started a.service pid=100", "exited a.service pid=100 code=3"));
}

TEST_F(BusManagerTest, SurvivesADaemonReexecWithJobsAndExitsMeanwhile) {
  Connect();
  UnitWatcher watcher(loop_.executor(), *manager_);
  std::vector<std::string> events;
  watcher.Follow(Name("a.service"), [&](const UnitEvent& event) { events.push_back(ToText(event)); });
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  systemd_.jobs = FakeSystemd::Jobs::kNeverEnd;
  const auto slow = loop_.Spawn(Start("slow.service"));
  ASSERT_TRUE(loop_.RunUntil([&] { return systemd_.units.contains("slow.service"); }));
  ASSERT_TRUE(loop_.RunUntil([&] { return !events.empty(); }));
  loop_.Drain();

  systemd_.Leave();
  systemd_.Exit("a.service", 4);
  systemd_.FinishJob("slow.service", "done");
  ASSERT_TRUE(loop_.RunUntil([&] { return !manager_->connected(); }));
  systemd_.Join(bus_.address());
  ASSERT_TRUE(loop_.RunUntil([&] { return slow->has_value() && events.size() == 2; }));
  EXPECT_THAT(**slow, IsOk());
  EXPECT_THAT(events, ElementsAre("started a.service pid=100", "exited a.service pid=100 code=4"));
  EXPECT_EQ(std::count(systemd_.calls.begin(), systemd_.calls.end(), "Subscribe"), 2);
}

TEST_F(BusManagerTest, RepeatsAStartWhoseReplyWasLostAndFindsItsOwnUnit) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kNeverReply;
  const auto result = loop_.Spawn(Start("a.service"));
  ASSERT_TRUE(loop_.RunUntil([&] { return systemd_.units.contains("a.service"); }));
  systemd_.Leave();
  systemd_.FinishJob("a.service", "done");
  ASSERT_TRUE(loop_.RunUntil([&] { return !manager_->connected(); }));
  systemd_.Join(bus_.address());
  ASSERT_TRUE(loop_.RunUntil([&] { return result->has_value(); }));
  EXPECT_THAT(**result, IsOk());
}

TEST_F(BusManagerTest, ReconnectsWhenTheBusComesBackAndResynchronises) {
  Connect();
  std::vector<std::string> changes;
  manager_->SetStatusCallback([&](const absl::Status& status) { changes.push_back(status.ok() ? "up" : "down"); });
  UnitWatcher watcher(loop_.executor(), *manager_);
  std::vector<std::string> events;
  watcher.Follow(Name("a.service"), [&](const UnitEvent& event) { events.push_back(ToText(event)); });
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  systemd_.jobs = FakeSystemd::Jobs::kNeverReply;
  const auto pending = loop_.Spawn(manager_->KillUnit(Name("a.service"), KillWho::kMain, SIGTERM, kLong));
  ASSERT_TRUE(loop_.RunUntil([&] { return events.size() == 1; }));

  bus_.Stop();
  ASSERT_TRUE(loop_.RunUntil([&] { return !manager_->connected(); }));
  ASSERT_TRUE(loop_.RunUntil([&] { return pending->has_value(); }));
  systemd_.Leave();
  systemd_.Exit("a.service", 9);
  bus_.Start();
  systemd_.Join(bus_.address());
  ASSERT_TRUE(loop_.RunUntil([&] { return events.size() == 2; }));
  EXPECT_EQ(events[1], "exited a.service pid=100 code=9");
  EXPECT_TRUE(manager_->connected());
  EXPECT_EQ(changes.front(), "down");
  EXPECT_EQ(changes.back(), "up");
}

TEST_F(BusManagerTest, LooksAtTheUnitAfterAReloadWhenAJobsSignalWasLost) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kSignalLost;
  const auto result = loop_.Spawn(Start("a.service"));
  ASSERT_TRUE(loop_.RunUntil([&] { return systemd_.units.contains("a.service"); }));
  loop_.Drain();
  EXPECT_FALSE(result->has_value());
  // The reload may be over before the reply is in: announce it until the wait has begun.
  ASSERT_TRUE(loop_.RunUntil([&] {
    systemd_.Reloading(true);
    systemd_.Reloading(false);
    return result->has_value();
  }));
  EXPECT_THAT(**result, IsOk());
}

TEST_F(BusManagerTest, BelievesOnlySystemd) {
  Connect();
  UnitWatcher watcher(loop_.executor(), *manager_);
  std::vector<std::string> events;
  watcher.Follow(Name("a.service"), [&](const UnitEvent& event) { events.push_back(ToText(event)); });
  EXPECT_THAT(loop_.Await(Start("a.service")), IsOk());
  ASSERT_TRUE(loop_.RunUntil([&] { return events.size() == 1; }));
  FakeSystemd liar(loop_.executor());
  liar.units["a.service"].exec_main_pid = 100;
  liar.JoinAsLiar(bus_.address(), systemd_.client);
  liar.Exit("a.service", 66);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(loop_.Await(manager_->KillUnit(Name("a.service"), KillWho::kMain, SIGTERM, kLong)), IsOk());
  }
  EXPECT_THAT(events, SizeIs(1));
}

TEST_F(BusManagerTest, ReturnsWhenACallIsCancelled) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kNeverEnd;
  boost::asio::cancellation_signal signal;
  std::optional<absl::Status> result;
  const auto done = [&result](const std::exception_ptr& error, absl::Status status) {
    result = error ? absl::CancelledError("thrown") : status;
  };
  boost::asio::co_spawn(loop_.context(), Start("a.service"), boost::asio::bind_cancellation_slot(signal.slot(), done));
  ASSERT_TRUE(loop_.RunUntil([&] { return systemd_.units.contains("a.service"); }));
  loop_.Drain();
  signal.emit(boost::asio::cancellation_type::terminal);
  ASSERT_TRUE(loop_.RunUntil([&] { return result.has_value(); }));
  EXPECT_THAT(*result, StatusCodeIs(absl::StatusCode::kCancelled));
  // The connection is none the worse.
  systemd_.jobs = FakeSystemd::Jobs::kSignalAfterReply;
  EXPECT_THAT(loop_.Await(Start("b.service")), IsOk());
}

TEST_F(BusManagerTest, ReturnsFromCallsWhenItIsDestroyed) {
  Connect();
  systemd_.jobs = FakeSystemd::Jobs::kNeverEnd;
  const auto job = loop_.Spawn(Start("a.service"));
  ASSERT_TRUE(loop_.RunUntil([&] { return systemd_.units.contains("a.service"); }));
  loop_.Drain();
  systemd_.jobs = FakeSystemd::Jobs::kNeverReply;
  const auto call = loop_.Spawn(Start("b.service"));
  ASSERT_TRUE(loop_.RunUntil([&] { return systemd_.units.contains("b.service"); }));
  manager_.reset();
  ASSERT_TRUE(loop_.RunUntil([&] { return job->has_value() && call->has_value(); }));
  EXPECT_THAT(**job, StatusCodeIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(**call, StatusCodeIs(absl::StatusCode::kUnavailable));
}

TEST(BusManagerLifetime, LeavesCoroutinesToTheLoopThatIsDestroyed) {
  PrivateBus bus;
  auto loop = std::make_unique<TestLoop>();
  auto systemd = std::make_unique<FakeSystemd>(loop->executor());
  systemd->Join(bus.address());
  auto manager = std::make_unique<BusManager>(loop->executor(), Options(bus.address()));
  ASSERT_THAT(loop->Await(manager->WaitConnected(kLong)), IsOk());
  systemd->jobs = FakeSystemd::Jobs::kNeverReply;
  TransientUnit unit(Name("a.service"));
  const auto result = loop->Spawn(manager->StartTransientUnit(std::move(unit), kLong));
  ASSERT_TRUE(loop->RunUntil([&] { return systemd->units.contains("a.service"); }));
  systemd.reset();
  manager.reset();
  loop.reset();
  EXPECT_FALSE(result->has_value());
}

TEST(BusManagerWithoutBus, SaysWhyAndKeepsTheLoopTurning) {
  TestLoop loop;
  base::TempDir directory;
  BusManager manager(loop.executor(), Options("unix:path=" + directory.File("none")));
  EXPECT_THAT(loop.Await(manager.WaitConnected(milliseconds(50))),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("No such file")));
  EXPECT_FALSE(manager.connected());
}

TEST(BusManagerWithoutBus, IsNotStoppedByABusThatNeverAnswers) {
  TestLoop loop;
  base::TempDir directory;
  const std::string path = directory.File("hung");
  const base::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener.get(), 5), 0);
  BusOptions options = Options("unix:path=" + path);
  options.connect_timeout = milliseconds(100);
  BusManager manager(loop.executor(), options);
  EXPECT_THAT(loop.Await(manager.WaitConnected(milliseconds(50))), StatusCodeIs(absl::StatusCode::kUnavailable));
  ASSERT_TRUE(
      loop.RunUntil([&] { return absl::StrContains(manager.connection_status().message(), "does not answer"); }));
}

TEST(BusManagerWithoutBus, WaitsForSystemdOnABusThatHasNone) {
  PrivateBus bus;
  TestLoop loop;
  BusManager manager(loop.executor(), Options(bus.address()));
  ASSERT_TRUE(loop.RunUntil(
      [&] { return absl::StrContains(manager.connection_status().message(), "systemd is not on the message bus"); }));
  FakeSystemd systemd(loop.executor());
  systemd.Join(bus.address());
  EXPECT_THAT(loop.Await(manager.WaitConnected(kLong)), IsOk());
}

}  // namespace
}  // namespace rktlet::systemd
