// SPDX-License-Identifier: Apache-2.0
// Other resources for pods and containers.
#include "rktlet/pods/pods_fixture.h"

namespace rktlet::pods {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using base::StatusIs;
using testing::HasSubstr;
using testing::Pointee;
using testing::VariantWith;

class UpdateTest : public PodsFixture {
 protected:
  UpdateTest() {
    EXPECT_THAT(Run(pods->Recover()), IsOk());
    pod = RunPod();
  }
  static spec::Resources MemoryOf(int64_t limit) {
    spec::Resources resources;
    resources.memory_limit = limit;
    return resources;
  }
  spec::Resources OnDisk(const ContainerPtr& container) {
    const auto state = spec::ReadContainer(layout, container->pod, container->app());
    EXPECT_THAT(state, IsOk());
    return state.ok() ? state->record.spec.resources : spec::Resources();
  }

  PodPtr pod;
};

TEST_F(UpdateTest, OfARunningContainerIsLiveAndRecorded) {
  const ContainerPtr container = Started(pod);
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))), IsOk());
  spec::Resources cpu;
  cpu.cpu_quota = 50'000;
  EXPECT_THAT(Run(pods->UpdateContainer(container, cpu)), IsOk());
  EXPECT_EQ(CountManagerCalls("SetUnitProperties"), 2U);
  EXPECT_THAT(manager.Find(container->unit)->Find("MemoryMax"), Pointee(VariantWith<uint64_t>(1000)));
  EXPECT_THAT(manager.Find(container->unit)->Find("CPUQuotaPerSecUSec"), Pointee(VariantWith<uint64_t>(500'000)));
  cpu.memory_limit = 1000;
  EXPECT_EQ(container->record.spec.resources, cpu);
  EXPECT_EQ(OnDisk(container), cpu);
  Restart();
  EXPECT_THAT(Run(pods->Recover()), IsOk());
  ASSERT_OK_AND_ASSIGN(const ContainerPtr again, pods->GetContainer(container->id().str()));
  EXPECT_EQ(again->record.spec.resources, cpu);
}

TEST_F(UpdateTest, OfACreatedContainerIsWhatItIsStartedWith) {
  const ContainerPtr container = Create(pod);
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))), IsOk());
  EXPECT_EQ(CountManagerCalls("SetUnitProperties"), 0U);
  EXPECT_THAT(Run(pods->StartContainer(container)), IsOk());
  EXPECT_THAT(manager.Find(container->unit)->Find("MemoryMax"), Pointee(VariantWith<uint64_t>(1000)));
}

TEST_F(UpdateTest, OfAnExitedContainerHasNothingToDo) {
  const ContainerPtr container = Started(pod);
  Exit(container, {.code = 0, .signal = 0});
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))), IsOk());
  EXPECT_EQ(CountManagerCalls("SetUnitProperties"), 0U);
  EXPECT_EQ(OnDisk(container), spec::Resources());
}

TEST_F(UpdateTest, OfAContainerThatItEndsIsDone) {
  const ContainerPtr container = Started(pod);
  ASSERT_THAT(spec::RecordExit(layout, pod->id(), container->app(), {.code = 137, .signal = 9, .oom = true}), IsOk());
  engine.fake.FailNext("UpdateContainer", absl::FailedPreconditionError("has ended"));
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))), IsOk());
  EXPECT_EQ(CountManagerCalls("SetUnitProperties"), 1U) << "nothing is to be taken back";
  manager.FailCall("SetUnitProperties", absl::NotFoundError("not loaded"));
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))), IsOk());
}

TEST_F(UpdateTest, ThatCannotBeChangesNothing) {
  const ContainerPtr container = Started(pod);
  spec::Resources wrong = MemoryOf(1000);
  wrong.memory_swap_limit = 1;
  EXPECT_THAT(Run(pods->UpdateContainer(container, wrong)), StatusCodeIs(absl::StatusCode::kInvalidArgument));
  wrong = MemoryOf(1000);
  wrong.unified = {{"no.such.attribute", "1"}};
  EXPECT_THAT(Run(pods->UpdateContainer(container, wrong)), StatusCodeIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(CountManagerCalls("SetUnitProperties"), 0U);
  EXPECT_EQ(engine.fake.CountCalls("UpdateContainer"), 0U);
}

TEST_F(UpdateTest, ThatSystemdRefusesIsNotRecorded) {
  const ContainerPtr container = Started(pod);
  manager.FailCall("SetUnitProperties", absl::InvalidArgumentError("no"));
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no")));
  EXPECT_EQ(OnDisk(container), spec::Resources());
  EXPECT_EQ(container->record.spec.resources, spec::Resources());
}

TEST_F(UpdateTest, ThatCannotBeRecordedIsTakenBack) {
  const ContainerPtr container = Started(pod);
  ASSERT_THAT(Run(pods->UpdateContainer(container, MemoryOf(1000))), IsOk());
  engine.fake.FailNext("UpdateContainer", absl::ResourceExhaustedError("disk full"));
  EXPECT_THAT(Run(pods->UpdateContainer(container, MemoryOf(2000))),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("disk full")));
  EXPECT_THAT(manager.Find(container->unit)->Find("MemoryMax"), Pointee(VariantWith<uint64_t>(1000)));
  EXPECT_EQ(container->record.spec.resources, MemoryOf(1000));
}

TEST_F(UpdateTest, ByHandIsSeen) {
  const ContainerPtr container = Started(pod);
  auto state = spec::ReadContainer(layout, pod->id(), container->app());
  ASSERT_THAT(state, IsOk());
  state->record.spec.resources = MemoryOf(3000);
  ASSERT_THAT(engine.Write(pod->id(), state->record), IsOk());
  EXPECT_THAT(Run(pods->Recover()), IsOk());
  EXPECT_EQ(container->record.spec.resources, MemoryOf(3000));
}

TEST_F(UpdateTest, OfAPodIsRecordedAndNothingElse) {
  spec::PodResources update;
  update.resources = MemoryOf(5000);
  manager.ClearCalls();
  EXPECT_THAT(Run(pods->UpdatePod(pod, update)), IsOk());
  EXPECT_EQ(pod->record.spec.resources, MemoryOf(5000));
  EXPECT_THAT(manager.calls(), testing::IsEmpty());
  Restart();
  EXPECT_THAT(Run(pods->Recover()), IsOk());
  ASSERT_OK_AND_ASSIGN(const PodPtr again, pods->GetPod(pod->id().str()));
  EXPECT_EQ(again->record.spec.resources, MemoryOf(5000));
  EXPECT_THAT(Run(pods->StopPod(again)), IsOk());
  EXPECT_THAT(Run(pods->UpdatePod(again, update)), StatusCodeIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace rktlet::pods
