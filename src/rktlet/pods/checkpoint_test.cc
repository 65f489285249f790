// SPDX-License-Identifier: Apache-2.0
// Checkpoints of containers and pods.
#include "rktlet/pods/pods_fixture.h"

namespace rktlet::pods {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using base::StatusIs;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;

class CheckpointTest : public PodsFixture {
 protected:
  CheckpointTest() {
    EXPECT_THAT(Run(pods->Recover()), IsOk());
    pod = RunPod();
  }
  size_t Checkpoints() const { return engine.fake.CountCalls("Checkpoint"); }

  PodPtr pod;
};

TEST_F(CheckpointTest, OfARunningContainerIsTheEnginesWork) {
  const ContainerPtr container = Started(pod);
  EXPECT_THAT(Run(pods->CheckpointContainer(container, "/var/tmp/c.tar", seconds(7))), IsOk());
  EXPECT_EQ(
      engine.fake.CountCalls("Checkpoint " + pod->id().str() + " " + container->app().str() + " /var/tmp/c.tar 7"), 1U);
}

TEST_F(CheckpointTest, OfAContainerThatDoesNotRunIsRefused) {
  const ContainerPtr created = Create(pod);
  EXPECT_THAT(Run(pods->CheckpointContainer(created, "/c", seconds(7))),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is not running")));
  const ContainerPtr ended = Started(pod, "other");
  Exit(ended, {.code = 0, .signal = 0});
  EXPECT_THAT(Run(pods->CheckpointContainer(ended, "/c", seconds(7))),
              StatusCodeIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Run(pods->CheckpointPod(pod, {ended}, "/c", seconds(7))),
              StatusCodeIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Run(pods->CheckpointPod(pod, {}, "/c", seconds(7))),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no running container")));
  EXPECT_EQ(Checkpoints(), 0U);
}

TEST_F(CheckpointTest, OfAPodIsOneOfAllThatRuns) {
  const ContainerPtr one = Started(pod, "one");
  const ContainerPtr two = Started(pod, "two");
  Create(pod, "created");
  EXPECT_THAT(Run(pods->CheckpointPod(pod, {}, "/var/tmp/pod", seconds(7))), IsOk());
  ASSERT_EQ(Checkpoints(), 1U);
  EXPECT_THAT(engine.fake.calls.back(),
              AllOf(HasSubstr(one->app().str()), HasSubstr(two->app().str()), HasSubstr(" pod /var/tmp/pod 7")));
  EXPECT_THAT(Run(pods->CheckpointPod(pod, {two}, "/var/tmp/pod", seconds(7))), IsOk());
  EXPECT_EQ(engine.fake.calls.back(), "Checkpoint " + pod->id().str() + " " + two->app().str() + " pod /var/tmp/pod 7");
}

// Who saves a container may take minutes; who stops it has its grace period.
TEST_F(CheckpointTest, DoesNotHoldUpAStop) {
  const ContainerPtr container = Started(pod);
  engine.fake.Hold("Checkpoint");
  boost::asio::co_spawn(loop, pods->CheckpointContainer(container, "/var/tmp/c.tar", seconds(600)),
                        [](std::exception_ptr, absl::Status) {});
  Settle();
  EXPECT_THAT(Run(pods->StopContainer(container, std::chrono::milliseconds(10))), IsOk());
  EXPECT_EQ(container->exit->code, 137);
  engine.fake.Release("Checkpoint");
  Settle();
}

TEST_F(CheckpointTest, DoesNotHoldUpTheStopOfItsPod) {
  const ContainerPtr container = Started(pod);
  engine.fake.Hold("Checkpoint");
  boost::asio::co_spawn(loop, pods->CheckpointPod(pod, {}, "/var/tmp/pod", seconds(600)),
                        [](std::exception_ptr, absl::Status) {});
  Settle();
  absl::Status stopped = absl::UnknownError("not yet");
  boost::asio::co_spawn(loop, pods->StopPod(pod), [&](std::exception_ptr, absl::Status status) { stopped = status; });
  ASSERT_TRUE(Eventually([&] { return container->exit.has_value(); }));
  EXPECT_EQ(container->exit->code, 137);
  engine.fake.Release("Checkpoint");  // it ends with its container
  ASSERT_TRUE(Eventually([&] { return stopped.ok(); }));
}

TEST_F(CheckpointTest, ThatFailsSaysOfWhat) {
  const ContainerPtr container = Started(pod);
  engine.fake.FailNext("Checkpoint", absl::FailedPreconditionError("criu is not installed"));
  EXPECT_THAT(Run(pods->CheckpointContainer(container, "/c", seconds(7))),
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("main"), HasSubstr("criu is not"))));
  EXPECT_EQ(container->State(), ContainerState::kRunning);
}

}  // namespace
}  // namespace rktlet::pods
