// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "rktlet/pods/pods_fixture.h"

namespace rktlet::pods {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using base::StatusIs;
using std::chrono::milliseconds;
using systemd::KillWho;
using systemd::UnitName;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class ContainerLifecycleTest : public PodsFixture {
 protected:
  ContainerLifecycleTest() {
    EXPECT_THAT(Run(pods->Recover()), IsOk());
    pod = RunPod();
  }

  void IgnoreAllButKill() {
    manager.SetKillHandler([](const UnitName&, KillWho, int signal) { return signal == SIGKILL; });
  }
  std::string Kill(const ContainerPtr& container, const std::string& rest) {
    return "KillUnit " + container->unit.str() + " " + rest;
  }
  spec::ExitRecord OnDisk(const ContainerPtr& container) {
    const auto state = spec::ReadContainer(layout, container->pod, container->app());
    EXPECT_THAT(state, IsOk());
    EXPECT_TRUE(state.ok() && state->exit.has_value());
    return state.ok() ? state->exit.value_or(spec::ExitRecord()) : spec::ExitRecord();
  }

  PodPtr pod;
};

TEST_F(ContainerLifecycleTest, LivesFromCreatedOverRunningToExited) {
  const ContainerPtr container = Create(pod);
  EXPECT_EQ(container->State(), ContainerState::kCreated);
  EXPECT_THAT(Run(pods->StartContainer(container)), IsOk());
  Settle();
  EXPECT_EQ(container->State(), ContainerState::kRunning);
  EXPECT_EQ(container->started->started_at, FakeSupervisors::kStartedAt);
  EXPECT_NE(container->pid, 0);
  Exit(container, {.code = 3, .signal = 0});
  EXPECT_EQ(container->State(), ContainerState::kExited);
  EXPECT_EQ(container->exit->code, 3);
  EXPECT_EQ(ExitReason(*container->exit), "Error");
  EXPECT_EQ(OnDisk(container).code, 3);
  EXPECT_EQ(OnDisk(container).recorded_by, "watcher");
  EXPECT_NE(container->exit->finished_at, 0);
  EXPECT_THAT(supervisors->calls, Contains("Drain " + container->app().str()));
  EXPECT_THAT(supervisors->calls, Not(Contains("OomSeen " + container->app().str())));
}

TEST_F(ContainerLifecycleTest, ACleanExitIsCompleted) {
  const ContainerPtr container = Started(pod);
  Exit(container, {.code = 0, .signal = 0});
  EXPECT_EQ(ExitReason(*container->exit), "Completed");
}

TEST_F(ContainerLifecycleTest, ASignalIs128AndItsNumber) {
  const ContainerPtr container = Started(pod);
  Exit(container, {.code = 0, .signal = SIGTERM});
  EXPECT_EQ(container->exit->code, 143);
  EXPECT_EQ(container->exit->signal, SIGTERM);
  EXPECT_EQ(ExitReason(*container->exit), "Error");
}

TEST_F(ContainerLifecycleTest, AnOomKillNeedsBothTheSignalAndTheKernelsWord) {
  const ContainerPtr killed = Started(pod, "killed");
  supervisors->oom.insert(killed->app().str());
  Exit(killed, {.code = 0, .signal = SIGKILL});
  EXPECT_EQ(ExitReason(*killed->exit), "OOMKilled");
  EXPECT_EQ(killed->exit->code, 137);

  const ContainerPtr shell = Started(pod, "shell");
  supervisors->oom.insert(shell->app().str());
  Exit(shell, {.code = 137, .signal = 0});
  EXPECT_EQ(ExitReason(*shell->exit), "OOMKilled");

  const ContainerPtr survivor = Started(pod, "survivor");
  supervisors->oom.insert(survivor->app().str());
  Exit(survivor, {.code = 1, .signal = 0});
  EXPECT_EQ(ExitReason(*survivor->exit), "Error");

  const ContainerPtr shot = Started(pod, "shot");
  Exit(shot, {.code = 0, .signal = SIGKILL});
  EXPECT_EQ(ExitReason(*shot->exit), "Error");
}

TEST_F(ContainerLifecycleTest, SystemdsOomVerdictCountsByItself) {
  const ContainerPtr container = Started(pod);
  Exit(container, {.code = 0, .signal = SIGKILL}, "oom-kill");
  EXPECT_EQ(ExitReason(*container->exit), "OOMKilled");
  EXPECT_THAT(supervisors->calls, Not(Contains("OomSeen " + container->app().str())));
}

TEST_F(ContainerLifecycleTest, ASupervisorThatIsGoneLeavesANoteAboutOom) {
  const ContainerPtr container = Started(pod);
  supervisors->answers = absl::UnavailableError("gone");
  ASSERT_THAT(base::WriteFileAtomic(layout.AppFile(pod->id(), container->app(), spec::kOomFile), ""), IsOk());
  Exit(container, {.code = 0, .signal = SIGKILL});
  EXPECT_EQ(ExitReason(*container->exit), "OOMKilled");
}

TEST_F(ContainerLifecycleTest, TheFirstRecordOfAnExitIsTheTruth) {
  const ContainerPtr container = Started(pod);
  spec::ExitRecord helper;
  helper.code = 7;
  helper.recorded_by = "helper";
  ASSERT_THAT(spec::RecordExit(layout, pod->id(), container->app(), helper), IsOk());
  Exit(container, {.code = 0, .signal = SIGKILL});
  EXPECT_EQ(container->exit->code, 7);
}

TEST_F(ContainerLifecycleTest, AnEndBeforeTheStarterHasAnsweredIsNotLost) {
  const ContainerPtr container = Create(pod);
  supervisors->before_gate = [&] { manager.EmitExit(container->unit, {.code = 5, .signal = 0}); };
  EXPECT_THAT(Run(pods->StartContainer(container)), IsOk());
  Settle();
  EXPECT_EQ(container->State(), ContainerState::kExited);
  EXPECT_EQ(container->exit->code, 5);
  EXPECT_TRUE(container->started.has_value());
}

TEST_F(ContainerLifecycleTest, AFailedStartEndsTheContainerWithTheReason) {
  const ContainerPtr container = Create(pod);
  supervisors->next_start =
      absl::NotFoundError("executable file `/nothing` not found in $PATH: No such file or directory");
  EXPECT_THAT(Run(pods->StartContainer(container)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("executable file `/nothing` not found")));
  Settle();
  EXPECT_EQ(container->State(), ContainerState::kExited);
  EXPECT_EQ(container->exit->code, 127);
  EXPECT_EQ(ExitReason(*container->exit), "StartError");
  EXPECT_THAT(OnDisk(container).message, HasSubstr("/nothing"));
  EXPECT_EQ(manager.Find(container->unit), nullptr);
  EXPECT_THAT(Run(pods->StartContainer(container)), StatusCodeIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Run(pods->RemoveContainer(container)), IsOk());
}

TEST_F(ContainerLifecycleTest, AContainerStartsOnce) {
  const ContainerPtr container = Started(pod);
  EXPECT_THAT(Run(pods->StartContainer(container)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("running")));
}

TEST_F(ContainerLifecycleTest, CreatingTheSameAgainHasTheSameIdUntilItHasStarted) {
  engine.fake.Hold("AddContainer");
  const spec::ContainerSpec spec = ContainerSpecOf("main");
  absl::StatusOr<spec::ContainerId> first;
  boost::asio::co_spawn(loop, pods->CreateContainer(pod, spec),
                        [&](std::exception_ptr, absl::StatusOr<spec::ContainerId> id) { first = std::move(id); });
  spec::ContainerSpec again = ContainerSpecOf("main");
  absl::StatusOr<spec::ContainerId> second;
  boost::asio::co_spawn(loop, pods->CreateContainer(pod, again),
                        [&](std::exception_ptr, absl::StatusOr<spec::ContainerId> id) { second = std::move(id); });
  Settle();
  engine.fake.Release("AddContainer");
  Settle();
  EXPECT_THAT(first, IsOkAndHolds(spec.id));
  EXPECT_THAT(second, IsOkAndHolds(spec.id));
  EXPECT_EQ(engine.fake.CountCalls("AddContainer"), 1);

  EXPECT_THAT(Run(pods->CreateContainer(pod, again)), IsOkAndHolds(spec.id));
  again.image = "other";
  EXPECT_THAT(Run(pods->CreateContainer(pod, again)), StatusCodeIs(absl::StatusCode::kAlreadyExists));
  ASSERT_THAT(Run(pods->StartContainer(*pods->GetContainer(spec.id.str()))), IsOk());
  EXPECT_THAT(Run(pods->CreateContainer(pod, spec)), StatusCodeIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(ContainerLifecycleTest, AFailedCreateLeavesNothing) {
  engine.fake.FailNext("AddContainer", absl::NotFoundError("mount source /missing does not exist"));
  EXPECT_THAT(Run(pods->CreateContainer(pod, ContainerSpecOf("main"))),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  EXPECT_TRUE(pods->ListContainers().empty());
  EXPECT_EQ(engine.fake.CountCalls("RemoveContainer"), 1);
}

TEST_F(ContainerLifecycleTest, ResourcesThatNoUnitHasAreRefusedAtCreation) {
  spec::ContainerSpec spec = ContainerSpecOf("main");
  spec.resources.unified["no.such.attribute"] = "1";
  EXPECT_FALSE(Run(pods->CreateContainer(pod, spec)).ok());
  EXPECT_EQ(engine.fake.CountCalls("AddContainer"), 0);
}

TEST_F(ContainerLifecycleTest, AStopSendsItsSignalToTheMainProcessAndNothingElse) {
  const ContainerPtr container = Started(pod);
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->StopContainer(container, std::chrono::hours(1))), IsOk());
  EXPECT_EQ(container->exit->code, 143);
  EXPECT_THAT(manager.calls(), testing::ElementsAre(Kill(container, "main 15")));
}

TEST_F(ContainerLifecycleTest, AfterTheGracePeriodAllOfItIsKilled) {
  IgnoreAllButKill();
  const ContainerPtr container = Started(pod);
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->StopContainer(container, milliseconds(20))), IsOk());
  EXPECT_EQ(container->exit->code, 137);
  EXPECT_THAT(manager.calls(), testing::ElementsAre(Kill(container, "main 15"), Kill(container, "all 9")));
}

TEST_F(ContainerLifecycleTest, WithoutAGracePeriodItIsKilledAtOnce) {
  const ContainerPtr container = Started(pod);
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->StopContainer(container, milliseconds(0))), IsOk());
  EXPECT_THAT(manager.calls(), testing::ElementsAre(Kill(container, "all 9")));
}

TEST_F(ContainerLifecycleTest, TheShorterOfTwoStopsWinsAndTheSignalIsSentOnce) {
  IgnoreAllButKill();
  const ContainerPtr container = Started(pod);
  manager.ClearCalls();
  absl::Status patient = absl::UnknownError("not yet");
  boost::asio::co_spawn(loop, pods->StopContainer(container, std::chrono::hours(1)),
                        [&](std::exception_ptr, absl::Status status) { patient = std::move(status); });
  Settle();
  EXPECT_THAT(Run(pods->StopContainer(container, milliseconds(20))), IsOk());
  Settle();
  EXPECT_THAT(patient, IsOk());
  EXPECT_THAT(manager.calls(), testing::ElementsAre(Kill(container, "main 15"), Kill(container, "all 9")));
}

TEST_F(ContainerLifecycleTest, StoppingWhatDoesNotRunDoesNothing) {
  const ContainerPtr created = Create(pod, "created");
  EXPECT_THAT(Run(pods->StopContainer(created, milliseconds(0))), IsOk());
  EXPECT_EQ(created->State(), ContainerState::kCreated);
  const ContainerPtr exited = Started(pod, "exited");
  Exit(exited, {.code = 0, .signal = 0});
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->StopContainer(exited, std::chrono::hours(1))), IsOk());
  EXPECT_TRUE(manager.calls().empty());
}

TEST_F(ContainerLifecycleTest, AStopDuringAStartWaitsForIt) {
  manager.HoldJobs();
  const ContainerPtr container = Create(pod);
  absl::Status started = absl::UnknownError("not yet");
  boost::asio::co_spawn(loop, pods->StartContainer(container),
                        [&](std::exception_ptr, absl::Status status) { started = std::move(status); });
  Settle();
  absl::Status stopped = absl::UnknownError("not yet");
  boost::asio::co_spawn(loop, pods->StopContainer(container, milliseconds(0)),
                        [&](std::exception_ptr, absl::Status status) { stopped = std::move(status); });
  Settle();
  EXPECT_FALSE(stopped.ok());
  manager.ReleaseJobs();
  Settle();
  EXPECT_THAT(started, IsOk());
  EXPECT_THAT(stopped, IsOk());
  EXPECT_EQ(container->exit->code, 137);
}

TEST_F(ContainerLifecycleTest, TheGracePeriodBeginsWithTheSignal) {
  const ContainerPtr container = Started(pod);
  engine.fake.Hold("UpdateContainer");
  boost::asio::co_spawn(loop, pods->UpdateContainer(container, {.cpu_shares = 512}),
                        [](std::exception_ptr, absl::Status) {});
  Settle();
  IgnoreAllButKill();
  manager.ClearCalls();
  const auto begun = std::chrono::steady_clock::now();
  absl::Status stopped = absl::UnknownError("not yet");
  boost::asio::co_spawn(loop, pods->StopContainer(container, milliseconds(300)),
                        [&](std::exception_ptr, absl::Status status) { stopped = status; });
  loop.restart();
  loop.run_for(milliseconds(250));
  engine.fake.Release("UpdateContainer");
  ASSERT_TRUE(Eventually([&] { return stopped.ok(); }));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(550)) << "waited for its turn, and then in full";
  EXPECT_THAT(manager.calls(), testing::IsSupersetOf({Kill(container, "main 15"), Kill(container, "all 9")}));
}

TEST_F(ContainerLifecycleTest, RemovingARunningContainerKillsItAndLeavesNoUnit) {
  const ContainerPtr container = Started(pod);
  EXPECT_THAT(Run(pods->RemoveContainer(container)), IsOk());
  EXPECT_EQ(manager.Find(container->unit), nullptr);
  EXPECT_THAT(pods->GetContainer(container->id().str()), StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(base::Exists(layout.App(pod->id(), container->app())));
  EXPECT_TRUE(pod->containers.empty());
  EXPECT_THAT(Run(pods->RemoveContainer(container)), IsOk());
}

TEST_F(ContainerLifecycleTest, RemovingACreatedContainerTouchesNoUnit) {
  const ContainerPtr container = Create(pod);
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->RemoveContainer(container)), IsOk());
  EXPECT_TRUE(manager.calls().empty());
}

TEST_F(ContainerLifecycleTest, AUnitThatVanishesEndsItsContainerWithAnUnknownCode) {
  const ContainerPtr container = Started(pod);
  Settle();
  manager.EmitGone(container->unit);
  Settle();
  ASSERT_EQ(container->State(), ContainerState::kExited);
  EXPECT_EQ(container->exit->code, 255);
  EXPECT_EQ(ExitReason(*container->exit), "Unknown");
  EXPECT_THAT(container->exit->message, HasSubstr("not known"));
}

TEST_F(ContainerLifecycleTest, OnlyARunningContainersLogIsReopened) {
  const ContainerPtr container = Create(pod);
  EXPECT_THAT(Run(pods->ReopenLog(container)), StatusCodeIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(Run(pods->StartContainer(container)), IsOk());
  EXPECT_THAT(Run(pods->ReopenLog(container)), IsOk());
  EXPECT_THAT(supervisors->calls, Contains("ReopenLog " + container->app().str()));
}

TEST_F(ContainerLifecycleTest, TheDirectoryShowsContainersToTheRestOfTheDaemon) {
  const ContainerPtr container = Started(pod);
  const absl::StatusOr<ContainerView> view = pods->FindContainer(container->id().ShortForm());
  ASSERT_THAT(view, IsOk());
  EXPECT_TRUE(view->running);
  EXPECT_EQ(view->pod, &pod->record);
  Exit(container, {.code = 0, .signal = 0});
  ASSERT_EQ(pods->AllContainers().size(), 1);
  EXPECT_FALSE(pods->AllContainers().front().running);
}

}  // namespace
}  // namespace rktlet::pods
