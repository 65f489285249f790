// SPDX-License-Identifier: Apache-2.0
#include "unit/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rktlet::unit {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class CgroupTree : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    const std::string full = dir_.File(path);
    ASSERT_THAT(base::MakeDirectories(full.substr(0, full.rfind('/'))), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(full, content), IsOk());
  }

  base::TempDir dir_;
};

TEST(ControlGroup, OfASliceIsThePathThroughItsParents) {
  EXPECT_EQ(Cgroups::ControlGroup("kubepods-burstable-pod1.slice", "x.service"),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/x.service");
  EXPECT_EQ(Cgroups::ControlGroup("rktlet.slice", "x.service"), "/rktlet.slice/x.service");
  EXPECT_EQ(Cgroups::ControlGroup("-.slice", "x.service"), "/x.service");
}

TEST_F(CgroupTree, OnV2IsRead) {
  Write("a.slice/x.service/cgroup.procs", "10\n11\n");
  Write("a.slice/x.service/sub/cgroup.procs", "12\n");
  const Cgroups cgroups(CgroupVersion::kV2, dir_.path());
  EXPECT_THAT(cgroups.Processes("/a.slice/x.service"), IsOkAndHolds(UnorderedElementsAre(10, 11, 12)));
  EXPECT_THAT(cgroups.ProcsFiles("/a.slice/x.service"), ElementsAre(dir_.File("a.slice/x.service/cgroup.procs")));
}

TEST_F(CgroupTree, OnV1IsJoinedInEveryHierarchyThatHasTheGroup) {
  Write("memory/a.slice/x.service/cgroup.procs", "10\n");
  Write("systemd/a.slice/x.service/cgroup.procs", "10\n");
  Write("freezer/cgroup.procs", "");
  const Cgroups cgroups(CgroupVersion::kV1, dir_.path());
  EXPECT_THAT(cgroups.ProcsFiles("/a.slice/x.service"),
              ElementsAre(dir_.File("systemd/a.slice/x.service/cgroup.procs"),
                          dir_.File("memory/a.slice/x.service/cgroup.procs")));
  EXPECT_EQ(cgroups.MemoryDirectory("/a.slice/x.service"), dir_.File("memory/a.slice/x.service"));
  EXPECT_EQ(cgroups.Directory("unified", "/a.slice/x.service"), dir_.File("unified/a.slice/x.service"));
}

TEST_F(CgroupTree, AGroupThatIsGoneIsNotFound) {
  const Cgroups cgroups(CgroupVersion::kV2, dir_.path());
  EXPECT_THAT(cgroups.Processes("/gone"), StatusCodeIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace rktlet::unit
