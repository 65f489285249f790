// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>

#include "base/clock.h"
#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/stage1/supervisor_harness.h"
#include "spec/records.h"

namespace rkt::stage1 {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using testing::HasSubstr;

class RecordExit : public testing::Test {
 protected:
  void SetUp() override {
    spec::StartedRecord started;
    started.started_at = 1;
    started.boot_id = boot_id_;
    started.pid = 7;
    ASSERT_THAT(base::WriteFileAtomic(dir_.File("started"), spec::ToJson(started)), base::IsOk());
  }

  absl::StatusOr<spec::ExitRecord> Record(const std::map<std::string, std::string>& environment) {
    EXPECT_EQ(RunHelper({"record-exit", dir_.path(), dir_.File("no-socket"), "app", boot_id_}, environment), 0);
    ASSIGN_OR_RETURN(const std::string text, base::ReadFile(dir_.File("exit")));
    return spec::ParseExitRecord(text);
  }

  base::TempDir dir_;
  std::string boot_id_ = base::BootId().value();
};

TEST_F(RecordExit, TakesTheExitCode) {
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({{"EXIT_CODE", "exited"}, {"EXIT_STATUS", "7"}}));
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_FALSE(exit.oom);
  EXPECT_EQ(exit.recorded_by, "helper");
  EXPECT_GT(exit.finished_at, 0);
}

TEST_F(RecordExit, KnowsSignalsByTheirNames) {
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({{"EXIT_CODE", "killed"}, {"EXIT_STATUS", "TERM"}}));
  EXPECT_EQ(exit.code, 128 + SIGTERM);
  EXPECT_EQ(exit.signal, SIGTERM);
}

TEST_F(RecordExit, KnowsRealtimeSignals) {
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({{"EXIT_CODE", "killed"}, {"EXIT_STATUS", "RTMIN+3"}}));
  EXPECT_EQ(exit.signal, 37);
}

TEST_F(RecordExit, CallsAKillOomWhenTheWatchSawOne) {
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("oom"), ""), base::IsOk());
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({{"EXIT_CODE", "killed"}, {"EXIT_STATUS", "KILL"}}));
  EXPECT_TRUE(exit.oom);
  EXPECT_EQ(exit.code, 137);
}

TEST_F(RecordExit, CallsAKillOomWhenSystemdDoes) {
  ASSERT_OK_AND_ASSIGN(const auto exit,
                       Record({{"EXIT_CODE", "killed"}, {"EXIT_STATUS", "KILL"}, {"SERVICE_RESULT", "oom-kill"}}));
  EXPECT_TRUE(exit.oom);
}

TEST_F(RecordExit, CallsNothingElseOom) {
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("oom"), ""), base::IsOk());
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({{"EXIT_CODE", "exited"}, {"EXIT_STATUS", "1"}}));
  EXPECT_FALSE(exit.oom);
}

TEST_F(RecordExit, LeavesTheFirstRecordAlone) {
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("exit"), "first"), base::IsOk());
  EXPECT_EQ(
      RunHelper({"record-exit", dir_.path(), "/x", "app", boot_id_}, {{"EXIT_CODE", "exited"}, {"EXIT_STATUS", "0"}}),
      0);
  EXPECT_EQ(base::ReadFile(dir_.File("exit")).value_or(""), "first");
}

TEST_F(RecordExit, RecordsNoContainerThatWasNeverStarted) {
  ASSERT_THAT(base::RemoveTree(dir_.File("started")), base::IsOk());
  EXPECT_EQ(
      RunHelper({"record-exit", dir_.path(), "/x", "app", boot_id_}, {{"EXIT_CODE", "exited"}, {"EXIT_STATUS", "1"}}),
      0);
  EXPECT_FALSE(base::Exists(dir_.File("exit")));
}

TEST_F(RecordExit, SaysSoWhenSystemdToldNothing) {
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({}));
  EXPECT_EQ(exit.code, 255);
  EXPECT_THAT(exit.message, HasSubstr("did not tell"));
}

TEST_F(RecordExit, LeavesNoTemporaryFile) {
  ASSERT_OK_AND_ASSIGN(const auto exit, Record({{"EXIT_CODE", "exited"}, {"EXIT_STATUS", "0"}}));
  EXPECT_THAT(base::ListDirectory(dir_.path()).value(), testing::ElementsAre("exit", "started"));
}

TEST_F(RecordExit, TellsTheSupervisor) {
  namespace supervisor = spec::supervisor;
  SupervisorHarness harness;
  HarnessReply app = harness.Call(supervisor::kStdio, {"app", harness.MakeContainer("c"), ""}, supervisor::kStdin);
  ASSERT_THAT(app.fds, testing::SizeIs(3));
  const auto client = harness.Attach("app", supervisor::kStdin);
  ASSERT_EQ(client.reply.error, 0);
  app.fds.resize(1);  // somebody holds the container's stdin, and nobody its outputs
  EXPECT_EQ(RunHelper({"record-exit", dir_.path(), harness.socket(), "app", boot_id_},
                      {{"EXIT_CODE", "exited"}, {"EXIT_STATUS", "0"}}),
            0);
  EXPECT_EQ(SupervisorHarness::NextReply(client.connection).error, 0);
  EXPECT_EQ(SupervisorHarness::NextReply(client.connection).error, -1);
}

TEST_F(RecordExit, IsContentWithARemovedContainer) {
  EXPECT_EQ(RunHelper({"record-exit", dir_.File("gone"), "/x", "app", boot_id_}, {}), 0);
}

class PodStopped : public testing::Test {
 protected:
  // A stand-in for rkt that writes its arguments to a file.
  void SetUp() override {
    const std::string script = "#!/bin/sh\necho \"$@\" > " + dir_.File("called") + "\n";
    ASSERT_THAT(base::WriteFileAtomic(dir_.File("rkt"), script, 0755), base::IsOk());
    ASSERT_THAT(base::MakeDirectories(pod_), base::IsOk());
    ASSERT_THAT(base::MakeDirectories(run_), base::IsOk());
  }

  void WriteNetwork(const std::string& state) {
    spec::NetworkRecord network;
    network.state = state;
    network.attachments.push_back({"net", "eth0", {"10.0.0.2"}, R"({"state":"up"})", "{}"});
    ASSERT_THAT(base::WriteFileAtomic(pod_ + "/network.json", spec::ToJson(network)), base::IsOk());
  }

  void Run() {
    EXPECT_EQ(RunHelper({"pod-stopped", pod_, run_, dir_.File("rkt"), "/d", "/r", "the-pod"},
                        {{"EXIT_CODE", "killed"}, {"EXIT_STATUS", "KILL"}}),
              0);
  }

  base::TempDir dir_;
  std::string pod_ = dir_.File("pod");
  std::string run_ = dir_.File("run");
};

TEST_F(PodStopped, RecordsTheEndAndTakesTheNetworkDown) {
  WriteNetwork("up");
  Run();
  ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(pod_ + "/exit"));
  ASSERT_OK_AND_ASSIGN(const auto exit, spec::ParseExitRecord(text));
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(base::ReadFile(dir_.File("called")).value_or(""), "--dir=/d --run-dir=/r app network down the-pod\n");
}

TEST_F(PodStopped, LeavesTheNetworkToWhoeverAskedForTheStop) {
  WriteNetwork("up");
  ASSERT_THAT(base::WriteFileAtomic(pod_ + "/stopped", ""), base::IsOk());
  Run();
  EXPECT_FALSE(base::Exists(dir_.File("called")));
}

TEST_F(PodStopped, LeavesANetworkAloneThatIsDown) {
  WriteNetwork("down");
  Run();
  EXPECT_FALSE(base::Exists(dir_.File("called")));
}

TEST_F(PodStopped, RemovesTheSupervisorsSocketAndPidFile) {
  ASSERT_THAT(base::WriteFileAtomic(run_ + "/supervisor", ""), base::IsOk());
  ASSERT_THAT(base::WriteFileAtomic(run_ + "/pid", "1"), base::IsOk());
  Run();
  EXPECT_THAT(base::ListDirectory(run_).value(), testing::IsEmpty());
}

}  // namespace
}  // namespace rkt::stage1
