// SPDX-License-Identifier: Apache-2.0
// Against directories that look like a cgroup file system.
#include "rktlet/engine/pull_cgroup.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rktlet::engine {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using testing::_;
using testing::Eq;

class Pulls : public testing::Test {
 protected:
  void Make(const std::string& file, const std::string& text = "") {
    const std::string path = dir_.File(file);
    ASSERT_THAT(base::MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(path, text), IsOk());
  }
  absl::StatusOr<std::string> Read(const std::string& file) { return base::ReadFile(dir_.File(file)); }

  base::TempDir dir_;
};

TEST_F(Pulls, OnV2TheDaemonMovesAsideAndGivesItsChildrenTheMemoryController) {
  Make("cgroup.controllers", "memory");
  Make("system.slice/rktlet.service/cgroup.subtree_control");
  Make("system.slice/rktlet.service/daemon/cgroup.procs");
  Make("system.slice/rktlet.service/pulls/memory.max", "max");
  ASSERT_OK_AND_ASSIGN(const PullCgroup cgroup, PullCgroup::Create("0::/system.slice/rktlet.service\n", dir_.path()));
  EXPECT_THAT(Read("system.slice/rktlet.service/daemon/cgroup.procs"), IsOkAndHolds(Eq("0")));
  EXPECT_THAT(Read("system.slice/rktlet.service/cgroup.subtree_control"), IsOkAndHolds(Eq("+memory")));
  ASSERT_THAT(cgroup.SetMemoryLimit(1 << 30), IsOk());
  EXPECT_THAT(Read("system.slice/rktlet.service/pulls/memory.max"), IsOkAndHolds(Eq("1073741824")));
  Make("system.slice/rktlet.service/pulls/memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\n");
  EXPECT_EQ(cgroup.OomKills(), 3U);
}

TEST_F(Pulls, OnV1TheGroupIsInTheHierarchyOfMemory) {
  Make("memory/system.slice/rktlet.service/pulls/memory.limit_in_bytes");
  ASSERT_OK_AND_ASSIGN(
      const PullCgroup cgroup,
      PullCgroup::Create("5:memory:/system.slice/rktlet.service\n4:cpu,cpuacct:/\n0::/x\n", dir_.path()));
  ASSERT_THAT(cgroup.SetMemoryLimit(0), IsOk());
  EXPECT_THAT(Read("memory/system.slice/rktlet.service/pulls/memory.limit_in_bytes"), IsOkAndHolds(Eq("-1")));
  EXPECT_EQ(cgroup.ProcsFile(), dir_.File("memory/system.slice/rktlet.service/pulls/cgroup.procs"));
}

TEST_F(Pulls, OutsideAServiceNothingIsTouched) {
  Make("cgroup.controllers", "memory");
  EXPECT_THAT(PullCgroup::Create("0::/user.slice/session-1.scope\n", dir_.path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_THAT(PullCgroup::Create("", dir_.path()), StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_EQ(PullCgroup().OomKills(), 0U);
  EXPECT_THAT(PullCgroup().SetMemoryLimit(1), IsOk());
}

}  // namespace
}  // namespace rktlet::engine
