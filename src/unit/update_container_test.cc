// SPDX-License-Identifier: Apache-2.0
#include "unit/update_container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "systemd/fake_manager.h"
#include "systemd/test_loop.h"
#include "unit/unit_names.h"

namespace rktlet::unit {
namespace {

using base::IsOk;
using base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointee;
using testing::VariantWith;

class UpdateContainerTest : public testing::Test {
 protected:
  UpdateContainerTest() {
    pod_.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    pod_.spec.slice = "a.slice";
    container_.spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
    container_.spec.app = *spec::AppName::Parse("x");
    manager_.AddUnit(unit());
  }
  systemd::UnitName unit() const { return ContainerUnitName(pod_.spec, container_.spec); }
  std::string Memory(const std::string& name) const {
    return cgroups_.MemoryDirectory(Cgroups::ControlGroup("a.slice", unit().str())) + "/" + name;
  }
  absl::Status Apply(const spec::Resources& before, const spec::Resources& after) {
    return loop_.Await(ApplyResources(manager_, cgroups_, pod_, container_, before, after));
  }
  static spec::Resources MemoryOf(int64_t limit) {
    spec::Resources resources;
    resources.memory_limit = limit;
    return resources;
  }

  base::TempDir dir_;
  Cgroups cgroups_{CgroupVersion::kV1, dir_.path()};
  systemd::TestLoop loop_;
  systemd::FakeManager manager_{loop_.executor()};
  spec::PodRecord pod_;
  spec::ContainerRecord container_;
};

TEST_F(UpdateContainerTest, IsOneCallWithAllThatTheContainerHas) {
  spec::Resources after = MemoryOf(2000);
  after.cpu_shares = 10;
  EXPECT_THAT(Apply(MemoryOf(1000), after), IsOk());
  EXPECT_THAT(manager_.calls(), ElementsAre(HasSubstr("CPUShares t 10")));
  EXPECT_THAT(manager_.calls(), ElementsAre(HasSubstr("MemoryMax t 2000")));
}

TEST_F(UpdateContainerTest, TakesBackWhatIsNotAskedForAnyMore) {
  spec::Resources before = MemoryOf(1000);
  before.pids_limit = 7;
  EXPECT_THAT(Apply(before, MemoryOf(1000)), IsOk());
  EXPECT_THAT(manager_.Find(unit())->Find("TasksMax"), Pointee(VariantWith<uint64_t>(systemd::kInfinity)));
}

TEST_F(UpdateContainerTest, IsUndoneWhenTheKernelKeepsAHigherMemoryLimit) {
  ASSERT_THAT(base::MakeDirectories(Memory("")), IsOk());
  ASSERT_THAT(base::WriteFileAtomic(Memory("memory.limit_in_bytes"), "409600\n"), IsOk());
  ASSERT_THAT(base::WriteFileAtomic(Memory("memory.usage_in_bytes"), "300000\n"), IsOk());
  EXPECT_THAT(Apply(MemoryOf(409600), MemoryOf(204800)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("uses 300000 bytes")));
  EXPECT_THAT(manager_.Find(unit())->Find("MemoryMax"), Pointee(VariantWith<uint64_t>(409600)));
}

TEST_F(UpdateContainerTest, ChangesNothingWhenSystemdRefuses) {
  manager_.FailCall("SetUnitProperties", absl::InvalidArgumentError("no"));
  EXPECT_THAT(Apply(MemoryOf(1000), MemoryOf(2000)), StatusIs(absl::StatusCode::kInvalidArgument, "no"));
  EXPECT_EQ(manager_.Find(unit())->Find("MemoryMax"), nullptr);
}

TEST_F(UpdateContainerTest, GoesBackWhenNobodyKnowsWhatSystemdDid) {
  manager_.FailCall("SetUnitProperties", absl::DeadlineExceededError("late"));
  EXPECT_THAT(Apply(MemoryOf(1000), MemoryOf(2000)), StatusIs(absl::StatusCode::kDeadlineExceeded, "late"));
  EXPECT_THAT(manager_.Find(unit())->Find("MemoryMax"), Pointee(VariantWith<uint64_t>(1000)));
}

TEST_F(UpdateContainerTest, OfAUnitThatIsGoneFails) {
  manager_.EmitGone(unit());
  EXPECT_THAT(Apply(MemoryOf(1000), MemoryOf(2000)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is gone")));
}

TEST_F(UpdateContainerTest, IsCheckedBeforeAnythingIsDone) {
  spec::Resources before;
  spec::Resources after;
  after.memory_limit = 1000;
  after.memory_swap_limit = 500;
  EXPECT_THAT(CheckUpdate(before, after, cgroups_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("swap")));
  const Cgroups v2(CgroupVersion::kV2, dir_.path());
  after = {};
  after.unified = {{"memory.oom.group", "1"}};
  EXPECT_THAT(CheckUpdate(before, after, v2),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("memory.oom.group")));
  EXPECT_THAT(CheckUpdate(after, after, v2), IsOk());
  EXPECT_THAT(manager_.calls(), IsEmpty());
}

}  // namespace
}  // namespace rktlet::unit
