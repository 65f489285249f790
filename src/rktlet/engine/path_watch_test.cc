// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/path_watch.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rktlet/engine/test_loop.h"

namespace rktlet::engine {
namespace {

using base::IsOk;

class Watching : public testing::Test {
 protected:
  void Watch(const std::string& path) {
    auto watch = PathWatch::Create(loop_.context().get_executor(), {path}, [this] { ++changes_; });
    ASSERT_THAT(watch, IsOk());
    watch_ = *std::move(watch);
  }
  bool SeesOneMoreThan(int before) {
    return loop_.RunUntil([this, before] { return changes_ > before; });
  }

  base::TempDir dir_;
  TestLoop loop_;
  std::unique_ptr<PathWatch> watch_;
  int changes_ = 0;
};

TEST_F(Watching, SeesFilesComeAndGoInADirectory) {
  Watch(dir_.path());
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("10-net.conflist"), "{}"), IsOk());
  EXPECT_TRUE(SeesOneMoreThan(0));
  const int before = changes_;
  ASSERT_THAT(base::RemoveTree(dir_.File("10-net.conflist")), IsOk());
  EXPECT_TRUE(SeesOneMoreThan(before));
}

TEST_F(Watching, SeesAFileReplaced) {
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("generation"), "1"), IsOk());
  Watch(dir_.File("generation"));
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("generation"), "2"), IsOk());
  EXPECT_TRUE(SeesOneMoreThan(0));
  const int before = changes_;
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("generation"), "3"), IsOk());
  EXPECT_TRUE(SeesOneMoreThan(before));
}

TEST_F(Watching, SeesAPathThatDoesNotExistYetWithItsParents) {
  Watch(dir_.File("etc/cni/net.d"));
  ASSERT_THAT(base::MakeDirectories(dir_.File("etc/cni/net.d")), IsOk());
  ASSERT_TRUE(SeesOneMoreThan(0));
  const int before = changes_;
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("etc/cni/net.d/a.conf"), "{}"), IsOk());
  EXPECT_TRUE(SeesOneMoreThan(before));
}

TEST_F(Watching, SeesADirectoryThatWasRemovedAndMadeAnew) {
  ASSERT_THAT(base::MakeDirectories(dir_.File("net.d")), IsOk());
  Watch(dir_.File("net.d"));
  ASSERT_THAT(base::RemoveTree(dir_.File("net.d")), IsOk());
  ASSERT_TRUE(SeesOneMoreThan(0));
  int before = changes_;
  ASSERT_THAT(base::MakeDirectories(dir_.File("net.d")), IsOk());
  ASSERT_TRUE(SeesOneMoreThan(before));
  before = changes_;
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("net.d/a.conf"), "{}"), IsOk());
  EXPECT_TRUE(SeesOneMoreThan(before));
}

}  // namespace
}  // namespace rktlet::engine
