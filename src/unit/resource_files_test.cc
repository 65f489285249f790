// SPDX-License-Identifier: Apache-2.0
#include "unit/resource_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "unit/oom_score.h"

namespace rktlet::unit {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::StatusCode kPrecondition = absl::StatusCode::kFailedPrecondition;

class ResourceFilesTest : public testing::Test {
 protected:
  ResourceFilesTest() {
    EXPECT_THAT(base::MakeDirectories(dir_.File("pages/hugepages-2048kB")), IsOk());
    EXPECT_THAT(base::MakeDirectories(dir_.File("a.slice/x.service")), IsOk());
    Write("cgroup.controllers", "cpu memory hugetlb misc\n");
    Write("cgroup.subtree_control", "cpu memory hugetlb\n");
    Write("a.slice/cgroup.subtree_control", "memory\n");
  }
  void Write(const std::string& name, const std::string& text) {
    EXPECT_THAT(base::WriteFileAtomic(dir_.File(name), text), IsOk());
  }
  absl::StatusOr<std::vector<ResourceFile>> Files(const spec::Resources& resources) {
    return ResourceFiles(resources, v2_, dir_.File("pages"));
  }

  base::TempDir dir_;
  Cgroups v2_{CgroupVersion::kV2, dir_.path()};
  Cgroups v1_{CgroupVersion::kV1, dir_.path()};
};

TEST_F(ResourceFilesTest, AreWhatNoPropertyExpresses) {
  spec::Resources resources;
  resources.memory_limit = 1000;
  resources.hugepage_limits = {{"2MB", 4 << 20}};
  resources.unified = {{"misc.max", "sev 1"}, {"memory.high", "100"}};
  EXPECT_THAT(Files(resources), IsOkAndHolds(ElementsAre(ResourceFile{"hugetlb", "hugetlb.2MB.max", "4194304"},
                                                         ResourceFile{"misc", "misc.max", "sev 1"})));
}

TEST_F(ResourceFilesTest, AreRefusedWhereTheMachineCannot) {
  spec::Resources resources;
  resources.hugepage_limits = {{"1GB", 1 << 30}};
  EXPECT_THAT(Files(resources), StatusIs(kPrecondition, HasSubstr("1GB")));
  resources.hugepage_limits = {{"2MB", 2 << 20}};
  EXPECT_THAT(ResourceFiles(resources, v1_, dir_.File("pages")), StatusIs(kPrecondition, HasSubstr("cgroup v1")));
  Write("cgroup.controllers", "cpu memory\n");
  EXPECT_THAT(Files(resources), StatusIs(kPrecondition, HasSubstr("hugetlb")));
  resources = {};
  resources.unified = {{"rdma.max", "x"}};
  EXPECT_THAT(Files(resources), StatusIs(kPrecondition, HasSubstr("rdma")));
  EXPECT_THAT(ResourceFiles(resources, v1_), StatusIs(kPrecondition, HasSubstr("cgroup v1")));
}

TEST_F(ResourceFilesTest, OfNoHugePagesAreNoneOnV1AndOptionalOnV2) {
  spec::Resources resources;
  resources.hugepage_limits = {{"2MB", 0}};
  EXPECT_THAT(ResourceFiles(resources, v1_), IsOkAndHolds(IsEmpty()));
  ASSERT_OK_AND_ASSIGN(const auto files, Files(resources));
  EXPECT_THAT(WriteResourceFiles(files, v2_, "/a.slice/x.service"), IsOk());
  EXPECT_FALSE(base::Exists(dir_.File("a.slice/x.service/hugetlb.2MB.max")));
  Write("a.slice/x.service/hugetlb.2MB.max", "max\n");
  EXPECT_THAT(WriteResourceFiles(files, v2_, "/a.slice/x.service"), IsOk());
  EXPECT_THAT(base::ReadFile(dir_.File("a.slice/x.service/hugetlb.2MB.max")), IsOkAndHolds(HasSubstr("0")));
}

TEST_F(ResourceFilesTest, MissingOfAControllerThatIsOffAreMissedWithItEnabled) {
  spec::Resources resources;
  resources.hugepage_limits = {{"2MB", 2 << 20}};
  ASSERT_OK_AND_ASSIGN(const auto files, Files(resources));
  // The real kernel would make the file now.
  EXPECT_THAT(WriteResourceFiles(files, v2_, "/a.slice/x.service"), StatusIs(kPrecondition, HasSubstr("hugetlb.2MB")));
  EXPECT_THAT(base::ReadFile(dir_.File("cgroup.subtree_control")), IsOkAndHolds(HasSubstr("hugetlb\n")));
  EXPECT_THAT(base::ReadFile(dir_.File("a.slice/cgroup.subtree_control")), IsOkAndHolds(HasSubstr("+hugetlb")));
}

TEST_F(ResourceFilesTest, AreAllAsTheyWereWhenOneIsRefused) {
  Write("a.slice/x.service/hugetlb.2MB.max", "1\n");
  const std::vector<ResourceFile> files = {{"hugetlb", "hugetlb.2MB.max", "2"}, {"misc", "misc.max", "sev 1"}};
  EXPECT_THAT(WriteResourceFiles(files, v2_, "/a.slice/x.service"), StatusIs(kPrecondition, HasSubstr("misc.max")));
  EXPECT_THAT(base::ReadFile(dir_.File("a.slice/x.service/hugetlb.2MB.max")), IsOkAndHolds("1\n"));
}

TEST_F(ResourceFilesTest, AnOomScoreReachesEveryProcessOfTheGroup) {
  Write("a.slice/x.service/cgroup.procs", "11\n12\n");
  for (const char* pid : {"11", "12", "13"}) {
    ASSERT_THAT(base::MakeDirectories(dir_.File(std::string("proc/") + pid)), IsOk());
    Write(std::string("proc/") + pid + "/oom_score_adj", "7");
  }
  EXPECT_THAT(SetOomScore(v2_, "/a.slice/x.service", 500, dir_.File("proc")), IsOk());
  EXPECT_THAT(base::ReadFile(dir_.File("proc/11/oom_score_adj")), IsOkAndHolds("500"));
  EXPECT_THAT(base::ReadFile(dir_.File("proc/12/oom_score_adj")), IsOkAndHolds("500"));
  EXPECT_THAT(base::ReadFile(dir_.File("proc/13/oom_score_adj")), IsOkAndHolds("7"));
  EXPECT_THAT(SetOomScore(v2_, "/a.slice/gone.service", 500, dir_.File("proc")), IsOk());
}

}  // namespace
}  // namespace rktlet::unit
