// SPDX-License-Identifier: Apache-2.0
#include "unit/freeze.h"

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
using base::IsOkAndHolds;
using base::StatusIs;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FreezeTest : public testing::Test {
 protected:
  FreezeTest() {
    pod_.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    pod_.spec.slice = "a.slice";
    for (const char* unit : {"one.service", "two.service"}) {
      spec::ContainerRecord container;
      container.unit = unit;
      containers_.push_back(container);
      manager_.AddUnit(*systemd::UnitName::Parse(unit));
      for (const Cgroups& cgroups : {v1_, v2_}) {
        const std::string directory = FreezerDirectory(cgroups, pod_, container);
        EXPECT_THAT(base::MakeDirectories(directory), IsOk());
        EXPECT_THAT(base::WriteFileAtomic(directory + "/cgroup.freeze", "0"), IsOk());
      }
    }
  }
  absl::Status Say(const Cgroups& cgroups, int container, const std::string& events) {
    return base::WriteFileAtomic(FreezerDirectory(cgroups, pod_, containers_[container]) + "/cgroup.events", events);
  }
  absl::StatusOr<std::string> Freezer(const Cgroups& cgroups, int container) {
    return base::ReadFile(FreezerFile(cgroups, pod_, containers_[container]));
  }

  base::TempDir dir_;
  Cgroups v1_{CgroupVersion::kV1, dir_.path() + "/1"};
  Cgroups v2_{CgroupVersion::kV2, dir_.path() + "/2"};
  systemd::TestLoop loop_;
  systemd::FakeManager manager_{loop_.executor()};
  spec::PodRecord pod_;
  std::vector<spec::ContainerRecord> containers_;
};

TEST_F(FreezeTest, IsSystemdsWorkOnVersion2) {
  EXPECT_THAT(loop_.Await(FreezeContainers(manager_, v2_, pod_, containers_, milliseconds(100))), IsOk());
  EXPECT_THAT(loop_.Await(ThawContainers(manager_, v2_, pod_, containers_)), IsOk());
  EXPECT_THAT(manager_.calls(), ElementsAre("FreezeUnit one.service", "FreezeUnit two.service", "ThawUnit one.service",
                                            "ThawUnit two.service"));
  EXPECT_THAT(Freezer(v2_, 0), IsOkAndHolds("0"));
}

TEST_F(FreezeTest, IsAFileOfItsOtherHierarchyOnVersion1) {
  ASSERT_THAT(Say(v1_, 0, "populated 1\nfrozen 1\n"), IsOk());
  ASSERT_THAT(Say(v1_, 1, "populated 1\nfrozen 1\n"), IsOk());
  EXPECT_THAT(loop_.Await(FreezeContainers(manager_, v1_, pod_, containers_, milliseconds(100))), IsOk());
  EXPECT_THAT(Freezer(v1_, 1), IsOkAndHolds("1"));
  EXPECT_THAT(loop_.Await(ThawContainers(manager_, v1_, pod_, containers_)), IsOk());
  EXPECT_THAT(Freezer(v1_, 0), IsOkAndHolds("0"));
  EXPECT_THAT(manager_.calls(), IsEmpty());
}

TEST_F(FreezeTest, GivesUpOnProcessesThatDoNotComeToRest) {
  ASSERT_THAT(Say(v1_, 0, "populated 1\nfrozen 0\n"), IsOk());
  EXPECT_THAT(loop_.Await(FreezeContainers(manager_, v1_, pod_, containers_, milliseconds(20))),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("do not come to rest")));
}

TEST_F(FreezeTest, ThawsTheOthersWhenOneCannotBe) {
  manager_.FailCall("ThawUnit", absl::InternalError("no"));
  EXPECT_THAT(loop_.Await(ThawContainers(manager_, v2_, pod_, containers_)),
              StatusIs(absl::StatusCode::kInternal, "no"));
  EXPECT_THAT(manager_.calls(), ElementsAre("ThawUnit one.service", "ThawUnit two.service"));
  manager_.EmitGone(*systemd::UnitName::Parse("one.service"));
  EXPECT_THAT(loop_.Await(ThawContainers(manager_, v2_, pod_, containers_)), IsOk());
}

TEST_F(FreezeTest, HoldsWhatWasRestoredWithoutTellingSystemd) {
  ASSERT_THAT(Say(v2_, 0, "populated 1\nfrozen 1\n"), IsOk());
  manager_.SetKillHandler([](const systemd::UnitName&, systemd::KillWho, int) { return false; });
  manager_.Find(*systemd::UnitName::Parse("one.service"))->facts.main_pid = 7;
  EXPECT_THAT(loop_.Await(HoldRestored(manager_, v2_, pod_, containers_[0])), IsOk());
  EXPECT_THAT(Freezer(v2_, 0), IsOkAndHolds("1"));
  EXPECT_THAT(manager_.calls(), ElementsAre("KillUnit one.service all 18"));
}

}  // namespace
}  // namespace rktlet::unit
