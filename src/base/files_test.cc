// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status_matchers.h"

namespace rktlet::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Files : public testing::Test {
 protected:
  TempDir dir_;
};

TEST_F(Files, AnAtomicWriteLeavesTheContentAndNoTemporaryFile) {
  ASSERT_THAT(WriteFileAtomic(dir_.File("a"), "one", 0640, Sync::kYes), IsOk());
  ASSERT_THAT(WriteFileAtomic(dir_.File("a"), "two", 0640), IsOk());
  EXPECT_THAT(ReadFile(dir_.File("a")), IsOkAndHolds("two"));
  EXPECT_THAT(ListDirectory(dir_.path()), IsOkAndHolds(ElementsAre("a")));
}

TEST_F(Files, AnAtomicWriteThatFailsKeepsTheOldContent) {
  ASSERT_THAT(MakeDirectories(dir_.File("a/b")), IsOk());
  EXPECT_THAT(WriteFileAtomic(dir_.File("a"), "data"), Not(IsOk()));
  EXPECT_THAT(ListDirectory(dir_.path()), IsOkAndHolds(ElementsAre("a")));
}

TEST_F(Files, OfRecordsOnlyTheFirstCounts) {
  ASSERT_THAT(WriteFileOnceAt(AT_FDCWD, dir_.File("exit"), "first"), IsOk());
  EXPECT_THAT(WriteFileOnceAt(AT_FDCWD, dir_.File("exit"), "second"), StatusCodeIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(ReadFile(dir_.File("exit")), IsOkAndHolds("first"));
  EXPECT_THAT(ListDirectory(dir_.path()), IsOkAndHolds(ElementsAre("exit")));
}

TEST_F(Files, AFileBeyondTheLimitIsRefused) {
  ASSERT_THAT(WriteFileAtomic(dir_.File("big"), std::string(100, 'x')), IsOk());
  EXPECT_THAT(ReadFile(dir_.File("big"), 99), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("big")));
  EXPECT_THAT(ReadFile(dir_.File("big"), 100), IsOk());
}

TEST_F(Files, AMissingFileIsNotFoundByName) {
  EXPECT_THAT(ReadFile(dir_.File("nothing")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nothing")));
}

TEST_F(Files, RemovingATreeFollowsNoLink) {
  ASSERT_THAT(MakeDirectories(dir_.File("kept")), IsOk());
  ASSERT_THAT(WriteFileAtomic(dir_.File("kept/file"), "x"), IsOk());
  ASSERT_THAT(MakeDirectories(dir_.File("tree/deep/deeper")), IsOk());
  ASSERT_EQ(::symlink(dir_.File("kept").c_str(), dir_.File("tree/deep/link").c_str()), 0);
  ASSERT_THAT(RemoveTree(dir_.File("tree")), IsOk());
  EXPECT_FALSE(Exists(dir_.File("tree")));
  EXPECT_TRUE(Exists(dir_.File("kept/file")));
}

TEST_F(Files, RemovingWhatIsNotThereIsFine) { EXPECT_THAT(RemoveTree(dir_.File("nothing")), IsOk()); }

TEST_F(Files, ALockIsHeldUntilItsEnd) {
  {
    ASSERT_OK_AND_ASSIGN(const FileLock lock, FileLock::Exclusive(dir_.File("lock")));
    ASSERT_OK_AND_ASSIGN(const auto second, FileLock::TryExclusive(dir_.File("lock")));
    EXPECT_FALSE(second.has_value());
  }
  ASSERT_OK_AND_ASSIGN(const auto third, FileLock::TryExclusive(dir_.File("lock")));
  EXPECT_TRUE(third.has_value());
}

TEST(TempDirectory, IsGoneAfterwards) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    ASSERT_THAT(WriteFileAtomic(dir.File("x"), "x"), IsOk());
  }
  EXPECT_FALSE(Exists(path));
}

}  // namespace
}  // namespace rktlet::base
