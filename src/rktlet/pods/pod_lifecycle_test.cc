// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "rktlet/pods/pods_fixture.h"

namespace rktlet::pods {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using base::StatusIs;
using testing::HasSubstr;
using testing::IsEmpty;

class PodLifecycleTest : public PodsFixture {
 protected:
  PodLifecycleTest() { EXPECT_THAT(Run(pods->Recover()), IsOk()); }

  void ExpectNothingLeft() {
    EXPECT_THAT(manager.units(), IsEmpty());
    EXPECT_THAT(engine.fake.networks_up, IsEmpty());
    EXPECT_THAT(spec::ListPods(layout), IsOkAndHolds(IsEmpty()));
    EXPECT_THAT(pods->ListPods(), IsEmpty());
  }
};

TEST_F(PodLifecycleTest, ARunPodIsReadyAndHasItsAddress) {
  const PodPtr pod = RunPod();
  EXPECT_EQ(pod->State(), PodState::kReady);
  EXPECT_THAT(pod->Ips(), testing::ElementsAre("10.88.0.2"));
  Settle();
  EXPECT_NE(pod->supervisor_pid, 0);
  EXPECT_EQ(CountManagerCalls("StartTransientUnit"), 1);
}

TEST_F(PodLifecycleTest, APodWithTheHostsNetworkStartsNoPlugin) {
  spec::PodSpec spec = PodSpecOf("host");
  spec.network = spec::NamespaceMode::kNode;
  const absl::StatusOr<spec::PodId> id = Run(pods->RunPod(spec));
  ASSERT_THAT(id, IsOk());
  EXPECT_EQ(engine.fake.CountCalls("NetworkUp"), 0);
  const PodPtr pod = *pods->GetPod(id->str());
  EXPECT_THAT(pod->Ips(), IsEmpty());
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  EXPECT_EQ(engine.fake.CountCalls("NetworkDown"), 0);
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, AStartTellsWhatItWaitsFor) {
  engine.fake.Hold("NetworkUp");
  boost::asio::co_spawn(loop, pods->RunPod(PodSpecOf("web")), [](std::exception_ptr, absl::StatusOr<spec::PodId>) {});
  Settle();
  clock.monotonic_nanos += 3'000'000'000;
  const std::vector<PodStart> starts = pods->Starts();
  ASSERT_EQ(starts.size(), 1);
  EXPECT_EQ(starts[0].pod, "default/web");
  EXPECT_EQ(starts[0].InWords(), "prepare 0 ms, unit 0 ms, network 3000 ms");
  EXPECT_FALSE(starts[0].steps[1].under_way);
  EXPECT_TRUE(starts[0].steps[2].under_way);
  engine.fake.Release("NetworkUp");
  Settle();
  EXPECT_THAT(pods->Starts(), IsEmpty());
}

TEST_F(PodLifecycleTest, AFailedPrepareLeavesNothing) {
  engine.fake.FailNext("PreparePod", absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(
      Run(pods->RunPod(PodSpecOf("web"))),
      StatusIs(absl::StatusCode::kResourceExhausted, testing::AllOf(HasSubstr("default/web"), HasSubstr("disk full"))));
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, AFailedNetworkLeavesNothingAndNamesThePlugin) {
  engine.fake.FailNext("NetworkUp", absl::InternalError("network cbr0: plugin bridge: no such device"));
  EXPECT_THAT(Run(pods->RunPod(PodSpecOf("web"))),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("plugin bridge: no such device")));
  Settle();
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, AFailedUnitLeavesNothingAndNamesTheReason) {
  const spec::PodSpec spec = PodSpecOf("web");
  manager.FailJob(unit::PodUnitName(spec), "failed");
  EXPECT_THAT(Run(pods->RunPod(spec)), StatusIs(absl::StatusCode::kInternal, HasSubstr("k8s-default-web-")));
  Settle();
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, AFailedCleanUpShowsThePodAsNotReady) {
  engine.fake.FailNext("NetworkUp", absl::InternalError("no"));
  engine.fake.FailNext("RemovePod", absl::InternalError("busy"));
  EXPECT_THAT(Run(pods->RunPod(PodSpecOf("web"))), StatusCodeIs(absl::StatusCode::kInternal));
  ASSERT_EQ(pods->ListPods().size(), 1);
  const PodPtr pod = pods->ListPods().front();
  EXPECT_EQ(pod->State(), PodState::kNotReady);
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, ARepeatJoinsTheFirstWhileItIsUnderWay) {
  engine.fake.Hold("NetworkUp");
  absl::StatusOr<spec::PodId> first;
  const spec::PodSpec spec = PodSpecOf("web");
  boost::asio::co_spawn(loop, pods->RunPod(spec),
                        [&](std::exception_ptr, absl::StatusOr<spec::PodId> id) { first = std::move(id); });
  Settle();
  spec::PodSpec again = spec;
  again.id = spec::PodId::MakeHex();
  absl::StatusOr<spec::PodId> second;
  boost::asio::co_spawn(loop, pods->RunPod(again),
                        [&](std::exception_ptr, absl::StatusOr<spec::PodId> id) { second = std::move(id); });
  Settle();
  EXPECT_THAT(pods->ListPods(), IsEmpty());
  engine.fake.Release("NetworkUp");
  Settle();
  EXPECT_THAT(first, IsOkAndHolds(spec.id));
  EXPECT_THAT(second, IsOkAndHolds(spec.id));
  EXPECT_EQ(engine.fake.CountCalls("PreparePod"), 1);
}

TEST_F(PodLifecycleTest, ARepeatAfterSuccessHasTheSameIdUnlessItAsksForSomethingElse) {
  const spec::PodSpec spec = PodSpecOf("web");
  ASSERT_THAT(Run(pods->RunPod(spec)), IsOk());
  spec::PodSpec again = spec;
  again.id = spec::PodId::MakeHex();
  EXPECT_THAT(Run(pods->RunPod(again)), IsOkAndHolds(spec.id));
  again.hostname = "other";
  EXPECT_THAT(Run(pods->RunPod(again)), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(spec.id.str())));
  again.attempt = 1;
  EXPECT_THAT(Run(pods->RunPod(again)), IsOkAndHolds(again.id));
}

TEST_F(PodLifecycleTest, TheNameOfAStoppedPodIsTaken) {
  const spec::PodSpec spec = PodSpecOf("web");
  ASSERT_THAT(Run(pods->RunPod(spec)), IsOk());
  ASSERT_THAT(Run(pods->StopPod(*pods->GetPod(spec.id.str()))), IsOk());
  EXPECT_THAT(Run(pods->RunPod(spec)), StatusCodeIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(PodLifecycleTest, TheOperationGoesOnWhenItsCallerLeaves) {
  engine.fake.Hold("NetworkUp");
  boost::asio::cancellation_signal cancel;
  bool left = false;
  boost::asio::co_spawn(loop, pods->RunPod(PodSpecOf("web")),
                        boost::asio::bind_cancellation_slot(
                            cancel.slot(), [&](std::exception_ptr, absl::StatusOr<spec::PodId>) { left = true; }));
  Settle();
  cancel.emit(boost::asio::cancellation_type::terminal);
  Settle();
  EXPECT_TRUE(left);
  engine.fake.Release("NetworkUp");
  Settle();
  ASSERT_EQ(pods->ListPods().size(), 1);
  EXPECT_EQ(pods->ListPods().front()->State(), PodState::kReady);
}

TEST_F(PodLifecycleTest, AStopKillsContainersThenTakesTheNetworkDownThenStopsTheUnit) {
  const PodPtr pod = RunPod();
  const ContainerPtr one = Started(pod, "one");
  const ContainerPtr two = Started(pod, "two");
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  EXPECT_EQ(pod->State(), PodState::kNotReady);
  EXPECT_EQ(one->State(), ContainerState::kExited);
  EXPECT_EQ(two->exit->code, 137);
  EXPECT_TRUE(base::Exists(layout.PodFile(pod->id(), spec::kStoppedFile)));
  EXPECT_THAT(engine.fake.networks_up, IsEmpty());
  EXPECT_THAT(manager.calls().front(), HasSubstr("all 9"));
  EXPECT_EQ(manager.Find(pod->unit), nullptr);
  EXPECT_THAT(pod->Ips(), IsEmpty());

  manager.ClearCalls();
  const size_t before = engine.fake.calls.size();
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  EXPECT_THAT(manager.calls(), IsEmpty());
  EXPECT_EQ(engine.fake.calls.size(), before);
}

TEST_F(PodLifecycleTest, AStopNeedsNoDisk) {
  const PodPtr pod = RunPod();
  // Where the note would be is a directory: nothing can be written there, whoever asks.
  ASSERT_THAT(base::MakeDirectories(layout.PodFile(pod->id(), spec::kStoppedFile)), IsOk());
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  EXPECT_EQ(pod->State(), PodState::kNotReady);
  EXPECT_THAT(engine.fake.networks_up, IsEmpty());
  EXPECT_THAT(manager.units(), IsEmpty());
}

TEST_F(PodLifecycleTest, AStopThatFailsAtTheNetworkIsRepeatedInFull) {
  const PodPtr pod = RunPod();
  engine.fake.FailNext("NetworkDown", absl::InternalError("plugin hangs"));
  EXPECT_THAT(Run(pods->StopPod(pod)), StatusIs(absl::StatusCode::kInternal, HasSubstr("plugin hangs")));
  EXPECT_EQ(pod->State(), PodState::kNotReady);
  EXPECT_EQ(manager.Find(pod->unit), nullptr);
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  EXPECT_EQ(engine.fake.CountCalls("NetworkDown"), 2);
}

TEST_F(PodLifecycleTest, ARemovalOfARunningPodLeavesNothing) {
  const PodPtr pod = RunPod();
  Started(pod, "one");
  Create(pod, "two");
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  ExpectNothingLeft();
  EXPECT_THAT(pods->ListContainers(), IsEmpty());
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
}

TEST_F(PodLifecycleTest, ARemovalThatFailsIsContinuedByTheNext) {
  const PodPtr pod = RunPod();
  engine.fake.FailNext("RemovePod", absl::InternalError("busy"));
  EXPECT_THAT(Run(pods->RemovePod(pod)), StatusCodeIs(absl::StatusCode::kInternal));
  EXPECT_THAT(pods->GetPod(pod->id().str()), IsOk());
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, AnImplicitSliceGoesWithItsLastPod) {
  const systemd::UnitName slice = *systemd::UnitName::Parse("kubepods-x.slice");
  manager.AddUnit(slice).facts.transient = false;
  const PodPtr one = RunPod("one");
  const PodPtr two = RunPod("two");
  EXPECT_THAT(Run(pods->RemovePod(one)), IsOk());
  EXPECT_NE(manager.Find(slice), nullptr);
  EXPECT_THAT(Run(pods->RemovePod(two)), IsOk());
  EXPECT_EQ(manager.Find(slice), nullptr);
}

TEST_F(PodLifecycleTest, ASliceThatSomebodyMadeStays) {
  const systemd::UnitName made = *systemd::UnitName::Parse("kubepods-x.slice");
  manager.AddUnit(made).facts.transient = true;
  const PodPtr pod = RunPod();
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  EXPECT_NE(manager.Find(made), nullptr);
}

TEST_F(PodLifecycleTest, APodWhoseSupervisorEndsIsNotReadyAndLosesItsNetwork) {
  const PodPtr pod = RunPod();
  Settle();
  manager.EmitExit(pod->unit, {.code = 0, .signal = 9});
  Settle();
  EXPECT_EQ(pod->State(), PodState::kNotReady);
  EXPECT_THAT(engine.fake.networks_up, IsEmpty());
  EXPECT_THAT(Run(pods->CreateContainer(pod, ContainerSpecOf("late"))),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not ready")));
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  ExpectNothingLeft();
}

TEST_F(PodLifecycleTest, ALongStopOfAContainerDoesNotHoldUpTheStopOfThePod) {
  manager.SetKillHandler([](const systemd::UnitName&, systemd::KillWho, int signal) { return signal == 9; });
  const PodPtr pod = RunPod();
  const ContainerPtr container = Started(pod);
  absl::Status stopped = absl::UnknownError("not yet");
  boost::asio::co_spawn(loop, pods->StopContainer(container, std::chrono::hours(1)),
                        [&](std::exception_ptr, absl::Status status) { stopped = std::move(status); });
  Settle();
  EXPECT_FALSE(stopped.ok());
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  Settle();
  EXPECT_THAT(stopped, IsOk());
}

TEST_F(PodLifecycleTest, IdsAreFoundByAUniquePrefix) {
  const PodPtr pod = RunPod("one");
  EXPECT_THAT(pods->GetPod(pod->id().ShortForm()), IsOkAndHolds(pod));
  EXPECT_THAT(pods->GetPod(""), StatusCodeIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(pods->GetPod("zz"), StatusCodeIs(absl::StatusCode::kNotFound));
  std::set<char> first_digits = {pod->id().str()[0]};
  std::string shared;
  for (int i = 0; shared.empty(); ++i) {
    const PodPtr other = RunPod("other" + std::to_string(i));
    if (!first_digits.insert(other->id().str()[0]).second) {
      shared = other->id().str().substr(0, 1);
    }
  }
  EXPECT_THAT(pods->GetPod(shared), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than one")));
}

TEST_F(PodLifecycleTest, ADeadBusIsARefusalAndNoDamage) {
  manager.SetConnectionStatus(absl::UnavailableError("no bus"));
  EXPECT_THAT(pods->Ready(), StatusCodeIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Run(pods->RunPod(PodSpecOf("web"))), StatusCodeIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(engine.fake.CountCalls("PreparePod"), 0);
}

}  // namespace
}  // namespace rktlet::pods
