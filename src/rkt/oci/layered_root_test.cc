// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/layered_root.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;

class LayeredRootTest : public testing::Test {
 protected:
  // Layers 0 (topmost) to 2.
  std::string Path(int layer, const std::string& name) {
    const std::string path = temp_.File(std::to_string(layer) + "/" + name);
    const std::string parent = path.substr(0, path.rfind('/'));
    EXPECT_THAT(rktlet::base::MakeDirectories(parent), rktlet::base::IsOk());
    return path;
  }
  void File(int layer, const std::string& name, const std::string& text) {
    EXPECT_THAT(rktlet::base::WriteFileAtomic(Path(layer, name), text), rktlet::base::IsOk());
  }
  void Link(int layer, const std::string& name, const std::string& target) {
    EXPECT_EQ(symlink(target.c_str(), Path(layer, name).c_str()), 0);
  }
  absl::StatusOr<std::string> Read(const std::string& path) {
    std::vector<std::string> layers;
    for (const char* name : {"0", "1", "2"}) {
      EXPECT_THAT(rktlet::base::MakeDirectories(temp_.File(name)), rktlet::base::IsOk());
      layers.push_back(temp_.File(name));
    }
    auto root = LayeredRoot::Open(layers);
    return root.ok() ? root->ReadFile(path) : root.status();
  }

  rktlet::base::TempDir temp_;
};

TEST_F(LayeredRootTest, TheTopmostLayerWinsAndDirectoriesAreMerged) {
  File(2, "etc/passwd", "low");
  File(1, "etc/group", "groups");
  File(0, "etc/passwd", "high");
  EXPECT_THAT(Read("/etc/passwd"), IsOkAndHolds("high"));
  EXPECT_THAT(Read("/etc/group"), IsOkAndHolds("groups"));
  EXPECT_THAT(Read("/etc/shadow"), StatusIs(absl::StatusCode::kNotFound, testing::_));
}

TEST_F(LayeredRootTest, LinksAreResolvedInsideTheImageAcrossLayers) {
  File(2, "usr/etc/passwd", "linked");
  Link(0, "etc/passwd", "/usr/../../usr/./etc/passwd");
  EXPECT_THAT(Read("/etc/passwd"), IsOkAndHolds("linked"));
  Link(0, "etc/group", "group");
  EXPECT_THAT(Read("/etc/group"), StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("links")));
}

TEST_F(LayeredRootTest, AWhiteoutHidesWhatIsBelow) {
  if (geteuid() != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
    GTEST_SKIP() << "whiteouts are device nodes: needs root";
  }
  File(2, "etc/passwd", "low");
  ASSERT_EQ(mknod(Path(0, "etc/passwd").c_str(), S_IFCHR, makedev(0, 0)), 0);
  EXPECT_THAT(Read("/etc/passwd"), StatusIs(absl::StatusCode::kNotFound, testing::_));
}

TEST_F(LayeredRootTest, AnOpaqueDirectoryHidesThoseBelow) {
  File(2, "etc/passwd", "low");
  File(0, "etc/hosts", "x");
  ASSERT_EQ(setxattr(temp_.File("0/etc").c_str(), geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque",
                     "y", 1, 0),
            0);
  EXPECT_THAT(Read("/etc/passwd"), StatusIs(absl::StatusCode::kNotFound, testing::_));
}

TEST_F(LayeredRootTest, AFifoIsRefusedAndDoesNotHang) {
  ASSERT_EQ(mkfifo(Path(0, "etc/passwd").c_str(), 0600), 0);
  EXPECT_THAT(Read("/etc/passwd"), StatusIs(absl::StatusCode::kInvalidArgument, testing::_));
}

TEST_F(LayeredRootTest, ADirectoryHasTheNamesOfAllItsLayers) {
  File(2, "data/low", "low");
  File(1, "data/both", "middle");
  File(0, "data/both", "high");
  File(1, "file", "");
  Read("/").status().IgnoreError();
  ASSERT_OK_AND_ASSIGN(const LayeredRoot root, LayeredRoot::Open({temp_.File("0"), temp_.File("1"), temp_.File("2")}));
  ASSERT_OK_AND_ASSIGN(const MergedDirectory directory, root.FindDirectory("data"));
  EXPECT_THAT(ListNames(directory), IsOkAndHolds(testing::ElementsAre("both", "low")));
  ASSERT_OK_AND_ASSIGN(const MergedEntry low, LookUp(directory, "low"));
  EXPECT_EQ(low.kind, MergedEntry::Kind::kOther);
  EXPECT_THAT(rktlet::base::ReadFileAt(low.layer->get(), "low"), IsOkAndHolds("low"));
  ASSERT_OK_AND_ASSIGN(const MergedEntry none, LookUp(directory, "none"));
  EXPECT_EQ(none.kind, MergedEntry::Kind::kAbsent);
  EXPECT_THAT(root.FindDirectory("file"), StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("file")));
  EXPECT_THAT(root.FindDirectory("none"), StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("none")));
}

}  // namespace
}  // namespace rkt::oci
