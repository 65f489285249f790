// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/root_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/checkpoint/archive_files.h"

namespace rkt::checkpoint {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class RootDifferenceTest : public testing::Test {
 protected:
  RootDifferenceTest() {
    ::setenv("RKT_UNPACK", RKT_UNPACK_FOR_TESTS, 1);
    for (const std::string& path : {upper_, layer_, work_, target_}) {
      EXPECT_THAT(rktlet::base::MakeDirectories(path), IsOk());
    }
  }
  void SetUp() override {
    if (::geteuid() != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
      GTEST_SKIP() << "whiteouts need root";
    }
  }
  static void Put(const std::string& path, const std::string& text) {
    EXPECT_THAT(rktlet::base::MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    EXPECT_THAT(rktlet::base::WriteFileAtomic(path, text), IsOk());
  }
  static bool IsWhiteout(const std::string& path) {
    struct stat info = {};
    return lstat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
  }
  absl::Status ApplyDeleted(const std::string& text) {
    EXPECT_THAT(rktlet::base::WriteFileAtomic(work_ + "/" + kDeletedFilesFile, text), IsOk());
    return ApplyRootDifference(work_, target_);
  }
  static Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(30); }

  rktlet::base::TempDir dir_;
  std::string upper_ = dir_.File("upper");
  std::string layer_ = dir_.File("layer");
  std::string work_ = dir_.File("work");
  std::string target_ = dir_.File("target");
};

TEST_F(RootDifferenceTest, IsTheSameOnTheOtherSide) {
  Put(upper_ + "/etc/changed", "new");
  Put(upper_ + "/made/again/here", "here");
  ASSERT_EQ(::chmod((upper_ + "/etc/changed").c_str(), 04711), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (upper_ + "/etc/link").c_str()), 0);
  ASSERT_EQ(::mknod((upper_ + "/etc/gone").c_str(), S_IFCHR, makedev(0, 0)), 0);
  if (::setxattr((upper_ + "/made").c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0) {
    GTEST_SKIP() << "no trusted attributes in " << upper_;
  }
  Put(layer_ + "/made/again/hidden", "in a directory that is there in both");
  Put(layer_ + "/made/old", "hidden");
  ASSERT_OK_AND_ASSIGN(const RootDifference difference, FindRootDifference(upper_, {layer_}));
  EXPECT_THAT(difference.changed,
              UnorderedElementsAre("etc", "etc/changed", "etc/link", "made", "made/again", "made/again/here"));
  EXPECT_THAT(difference.deleted, UnorderedElementsAre("/etc/gone", "/made/old"));
  ASSERT_THAT(WriteRootDifference(upper_, difference, work_, Soon()), IsOk());
  ASSERT_THAT(ApplyRootDifference(work_, target_), IsOk());
  EXPECT_THAT(rktlet::base::ReadFile(target_ + "/etc/changed"), IsOkAndHolds("new"));
  EXPECT_THAT(rktlet::base::ReadFile(target_ + "/made/again/here"), IsOkAndHolds("here"));
  struct stat info = {};
  ASSERT_EQ(::lstat((target_ + "/etc/changed").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 04711U);
  EXPECT_TRUE(IsWhiteout(target_ + "/etc/gone"));
  EXPECT_TRUE(IsWhiteout(target_ + "/made/old"));
}

TEST_F(RootDifferenceTest, NamesOfAnyKindArrive) {
  Put(upper_ + "/-rf", "dash");
  Put(upper_ + "/a\nb", "newline");
  ASSERT_OK_AND_ASSIGN(const RootDifference difference, FindRootDifference(upper_, {}));
  ASSERT_THAT(WriteRootDifference(upper_, difference, work_, Soon()), IsOk());
  ASSERT_THAT(ApplyRootDifference(work_, target_), IsOk());
  EXPECT_THAT(rktlet::base::ReadFile(target_ + "/-rf"), IsOkAndHolds("dash"));
  EXPECT_THAT(rktlet::base::ReadFile(target_ + "/a\nb"), IsOkAndHolds("newline"));
}

TEST_F(RootDifferenceTest, OfNothingIsNothing) {
  ASSERT_OK_AND_ASSIGN(const RootDifference difference, FindRootDifference(upper_, {layer_}));
  ASSERT_THAT(WriteRootDifference(upper_, difference, work_, Soon()), IsOk());
  EXPECT_FALSE(rktlet::base::Exists(work_ + "/" + kDeletedFilesFile));
  EXPECT_THAT(ApplyRootDifference(work_, target_), IsOk());
  EXPECT_THAT(rktlet::base::ListDirectory(target_), IsOkAndHolds(ElementsAre()));
}

TEST_F(RootDifferenceTest, DeletesNothingOutside) {
  ASSERT_EQ(::symlink(layer_.c_str(), (target_ + "/link").c_str()), 0);
  for (const char* text : {"x", "{}", "[1]", R"(["/"])", R"([""])", R"(["/.."])", R"(["/../layer/x"])",
                           R"(["/link/x"])", R"(["/absent/x"])"}) {
    EXPECT_THAT(ApplyDeleted(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("deleted.files"))) << text;
  }
  EXPECT_THAT(rktlet::base::ListDirectory(layer_), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(ApplyDeleted(R"(["/gone"])"), IsOk());
  EXPECT_TRUE(IsWhiteout(target_ + "/gone"));
}

}  // namespace
}  // namespace rkt::checkpoint
