// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/app_state.h"

#include <gmock/gmock.h>
#include <unistd.h>

namespace rkt::pod {
namespace {

using rktlet::spec::ContainerState;
using rktlet::spec::ExitRecord;
using rktlet::spec::StartedRecord;

constexpr char kBoot[] = "boot";

ContainerState Created() {
  ContainerState files;
  files.record.boot_id = kBoot;
  return files;
}

ContainerState Started() {
  ContainerState files = Created();
  files.started = StartedRecord{5, kBoot, 42};
  return files;
}

TEST(AppState, IsCreatedBeforeItsStart) { EXPECT_EQ(DeriveAppState(Created(), kBoot, false).state, "created"); }

TEST(AppState, RunsWhileItsProcessDoes) {
  const AppState state = DeriveAppState(Started(), kBoot, true);
  EXPECT_EQ(state.state, "running");
  EXPECT_EQ(state.pid, 42);
  EXPECT_EQ(state.started_at, 5);
}

TEST(AppState, TellsTheRecordedExitAndItsReason) {
  ContainerState files = Started();
  files.exit = ExitRecord{.code = 0, .finished_at = 9};
  EXPECT_EQ(DeriveAppState(files, kBoot, false).reason, "Completed");
  files.exit = ExitRecord{.code = 3};
  EXPECT_EQ(DeriveAppState(files, kBoot, false).reason, "Error");
  files.exit = ExitRecord{.code = 137, .signal = 9, .oom = true};
  const AppState killed = DeriveAppState(files, kBoot, false);
  EXPECT_EQ(killed.state, "exited");
  EXPECT_EQ(killed.reason, "OOMKilled");
  EXPECT_EQ(killed.exit_code, 137);
  EXPECT_EQ(killed.signal, 9);
}

TEST(AppState, BelievesTheRecordOverAProcessThatIsStillThere) {
  ContainerState files = Started();
  files.exit = ExitRecord{.code = 1};
  EXPECT_EQ(DeriveAppState(files, kBoot, true).state, "exited");
}

TEST(AppState, EndsWithTheBoot) {
  for (const ContainerState& files : {Created(), Started()}) {
    const AppState state = DeriveAppState(files, "another", true);
    EXPECT_EQ(state.state, "exited");
    EXPECT_EQ(state.exit_code, 255);
    EXPECT_EQ(state.reason, "Rebooted");
  }
}

TEST(AppState, IsAStartErrorWhenTheStartLeftOne) {
  ContainerState files = Created();
  files.start_error = "no such image";
  const AppState state = DeriveAppState(files, kBoot, false);
  EXPECT_EQ(state.state, "exited");
  EXPECT_EQ(state.reason, "StartError");
  EXPECT_EQ(state.message, "no such image");
}

TEST(AppState, SaysSoWhenNobodyRecordedTheEnd) {
  const AppState state = DeriveAppState(Started(), kBoot, false);
  EXPECT_EQ(state.state, "exited");
  EXPECT_EQ(state.exit_code, 255);
  EXPECT_EQ(state.reason, "Unknown");
}

TEST(ProcessIsInUnit, KnowsNoStranger) {
  EXPECT_FALSE(ProcessIsInUnit(::getpid(), "no-such-unit.service"));
  EXPECT_FALSE(ProcessIsInUnit(0, "x.service"));
  EXPECT_FALSE(ProcessIsInUnit(::getpid(), ""));
}

}  // namespace
}  // namespace rkt::pod
