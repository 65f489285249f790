// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/copy_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using testing::ElementsAre;

class CopyTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
      GTEST_SKIP() << "owners of files need root";
    }
    for (const char* path : {"high/d/sub", "low/d/sub", "copy"}) {
      ASSERT_THAT(rktlet::base::MakeDirectories(temp_.File(path)), IsOk());
    }
  }
  void File(const std::string& path, const std::string& text, mode_t mode = 0644) {
    ASSERT_THAT(rktlet::base::WriteFileAtomic(temp_.File(path), text, mode), IsOk());
  }
  void Copy() {
    ASSERT_OK_AND_ASSIGN(const LayeredRoot root, LayeredRoot::Open({temp_.File("high"), temp_.File("low")}));
    ASSERT_OK_AND_ASSIGN(const MergedDirectory source, root.FindDirectory("d"));
    ASSERT_OK_AND_ASSIGN(const auto target, rktlet::base::OpenDirectory(temp_.File("copy")));
    ASSERT_THAT(CopyTree(source, target.get()), IsOk());
  }
  struct stat Stat(const std::string& path) {
    struct stat st = {};
    EXPECT_EQ(lstat(temp_.File(path).c_str(), &st), 0) << path;
    return st;
  }
  std::string Attribute(const std::string& path, const char* name) {
    std::string value(64, 0);
    const ssize_t size = lgetxattr(temp_.File(path).c_str(), name, value.data(), value.size());
    value.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return value;
  }

  rktlet::base::TempDir temp_;
};

TEST_F(CopyTreeTest, IsWhatTheLayersTogetherShow) {
  File("low/d/below", "below");
  File("low/d/both", "old");
  File("high/d/both", "new");
  File("low/d/gone", "x");
  ASSERT_EQ(mknod(temp_.File("high/d/gone").c_str(), S_IFCHR, 0), 0);
  File("low/d/sub/hidden", "x");
  File("high/d/sub/shown", "y");
  ASSERT_EQ(setxattr(temp_.File("high/d/sub").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  Copy();
  EXPECT_THAT(rktlet::base::ListDirectory(temp_.File("copy")), IsOkAndHolds(ElementsAre("below", "both", "sub")));
  EXPECT_THAT(rktlet::base::ListDirectory(temp_.File("copy/sub")), IsOkAndHolds(ElementsAre("shown")));
  EXPECT_THAT(rktlet::base::ReadFile(temp_.File("copy/both")), IsOkAndHolds("new"));
  EXPECT_EQ(Attribute("copy/sub", "trusted.overlay.opaque"), "") << "that is the layers' matter";
}

TEST_F(CopyTreeTest, KeepsOwnersModesTimesLinksAndAttributes) {
  File("low/d/tool", "tool", 0755);
  const std::string tool = temp_.File("low/d/tool");
  ASSERT_EQ(chown(tool.c_str(), 1000, 1001), 0);
  ASSERT_EQ(chmod(tool.c_str(), 04711), 0);
  const char capability[] = "\x00\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
  ASSERT_EQ(setxattr(tool.c_str(), "security.capability", capability, 20, 0), 0);
  ASSERT_EQ(setxattr(tool.c_str(), "trusted.mine", "1", 1, 0), 0);
  const timespec times[2] = {{1000, 0}, {2000, 5}};
  ASSERT_EQ(utimensat(AT_FDCWD, tool.c_str(), times, 0), 0);
  ASSERT_EQ(link(tool.c_str(), temp_.File("low/d/sub/again").c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", temp_.File("low/d/link").c_str()), 0);
  ASSERT_EQ(lchown(temp_.File("low/d/link").c_str(), 7, 8), 0);
  ASSERT_EQ(mkfifo(temp_.File("high/d/fifo").c_str(), 0600), 0);
  ASSERT_EQ(chown(temp_.File("high/d").c_str(), 5, 6), 0);
  ASSERT_EQ(chmod(temp_.File("high/d").c_str(), 01770), 0);
  ASSERT_EQ(utimensat(AT_FDCWD, temp_.File("high/d").c_str(), times, 0), 0);
  Copy();
  const struct stat copy = Stat("copy/tool");
  EXPECT_EQ(copy.st_uid, 1000U);
  EXPECT_EQ(copy.st_gid, 1001U);
  EXPECT_EQ(copy.st_mode & 07777, 04711U);
  EXPECT_EQ(copy.st_mtim.tv_sec, 2000);
  EXPECT_EQ(copy.st_mtim.tv_nsec, 5);
  EXPECT_EQ(copy.st_nlink, 2U);
  EXPECT_EQ(copy.st_ino, Stat("copy/sub/again").st_ino);
  EXPECT_NE(copy.st_ino, Stat("low/d/tool").st_ino);
  EXPECT_EQ(Attribute("copy/tool", "security.capability"), Attribute("low/d/tool", "security.capability"));
  EXPECT_EQ(Attribute("copy/tool", "security.capability").size(), 20U);
  EXPECT_EQ(Attribute("copy/tool", "trusted.mine"), "1");
  EXPECT_EQ(std::filesystem::read_symlink(temp_.File("copy/link")), "/etc/passwd");
  EXPECT_EQ(Stat("copy/link").st_uid, 7U);
  EXPECT_TRUE(S_ISFIFO(Stat("copy/fifo").st_mode));
  EXPECT_EQ(Stat("copy").st_uid, 5U);
  EXPECT_EQ(Stat("copy").st_mode & 07777, 01770U);
  EXPECT_EQ(Stat("copy").st_mtim.tv_sec, 2000);
}

}  // namespace
}  // namespace rkt::oci
