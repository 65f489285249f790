// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/checkpoint/archive_files.h"

namespace rkt::checkpoint {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusCodeIs;
using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr char kSpec[] = R"({"mounts": [], "linux": {"namespaces": []}})";

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest() {
    ::setenv("RKT_UNPACK", RKT_UNPACK_FOR_TESTS, 1);
    for (const std::string& path : {from_ + "/checkpoint", to_, out_}) {
      EXPECT_THAT(rktlet::base::MakeDirectories(path), IsOk());
    }
    Put("checkpoint/inventory.img", "images");
    Put("config.dump", R"({"rootfsImageRef": "sha256:1"})");
    Put("spec.dump", kSpec);
  }
  void SetUp() override {
    if (::geteuid() != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
      GTEST_SKIP() << "owners of files need root";
    }
  }
  void Put(const std::string& name, const std::string& text) {
    EXPECT_THAT(rktlet::base::WriteFileAtomic(from_ + "/" + name, text), IsOk());
  }
  absl::Status WriteAndUnpack() {
    RETURN_IF_ERROR(WriteArchive(from_, archive_, Soon()));
    return UnpackArchive(archive_, to_);
  }
  static Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(30); }

  rktlet::base::TempDir dir_;
  std::string from_ = dir_.File("from");
  std::string to_ = dir_.File("to");
  std::string out_ = dir_.File("out");
  std::string archive_ = out_ + "/c.tar";
};

TEST_F(ArchiveTest, HoldsWhatWasPutIn) {
  ASSERT_THAT(WriteAndUnpack(), IsOk());
  struct stat info = {};
  ASSERT_EQ(::stat(archive_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_THAT(rktlet::base::ListDirectory(out_), IsOkAndHolds(ElementsAre("c.tar")));
  EXPECT_THAT(rktlet::base::ReadFile(to_ + "/checkpoint/inventory.img"), IsOkAndHolds("images"));
  ASSERT_OK_AND_ASSIGN(const Imported imported, ReadImported(to_));
  EXPECT_EQ(imported.metadata.image_id, "sha256:1");
}

TEST_F(ArchiveTest, ReplacesAnOlderOne) {
  ASSERT_THAT(rktlet::base::WriteFileAtomic(archive_, "old"), IsOk());
  EXPECT_THAT(WriteAndUnpack(), IsOk());
}

TEST_F(ArchiveTest, ThatCannotBeWrittenLeavesNothing) {
  EXPECT_THAT(WriteArchive(from_, out_ + "/absent/c.tar", Soon()), StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(WriteArchive(from_, archive_, std::chrono::steady_clock::now()),
              StatusCodeIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(WriteArchive(from_, to_, Soon()), StatusCodeIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(rktlet::base::ListDirectory(out_), IsOkAndHolds(ElementsAre()));
}

TEST_F(ArchiveTest, WithLinksIsRefused) {
  ASSERT_EQ(::symlink("/etc/shadow", (from_ + "/checkpoint/pages-1.img").c_str()), 0);
  EXPECT_THAT(WriteAndUnpack(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checkpoint/pages-1.img")));
}

TEST_F(ArchiveTest, ThatIsNoneIsRefused) {
  EXPECT_THAT(UnpackArchive(out_ + "/absent", to_), StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(UnpackArchive(out_, to_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no plain file")));
  EXPECT_THAT(UnpackArchive("/dev/zero", to_), StatusCodeIs(absl::StatusCode::kInvalidArgument));
  ASSERT_THAT(rktlet::base::WriteFileAtomic(archive_, std::string(5000, 'x')), IsOk());
  EXPECT_THAT(UnpackArchive(archive_, to_), StatusCodeIs(absl::StatusCode::kDataLoss));
}

TEST_F(ArchiveTest, WithoutAllOfItsPartsIsRefused) {
  for (const char* name : {"checkpoint/inventory.img", "config.dump", "spec.dump"}) {
    ASSERT_OK_AND_ASSIGN(const std::string text, rktlet::base::ReadFile(from_ + "/" + name));
    ASSERT_EQ(::unlink((from_ + "/" + name).c_str()), 0);
    EXPECT_THAT(ReadImported(from_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
    Put(name, text);
  }
}

TEST_F(ArchiveTest, InAnImageIsCopiedOutOfTheLayerThatHasIt) {
  ASSERT_THAT(CopyFromLayers({out_, from_}, to_), IsOk());
  EXPECT_THAT(rktlet::base::ListDirectory(to_),
              IsOkAndHolds(UnorderedElementsAre("checkpoint", "config.dump", "spec.dump")));
  EXPECT_THAT(CopyFromLayers({out_}, dir_.path()), StatusCodeIs(absl::StatusCode::kDataLoss));
  ASSERT_EQ(::symlink("/etc/shadow", (from_ + "/link").c_str()), 0);
  ASSERT_EQ(::mkdir((out_ + "/again").c_str(), 0700), 0);
  EXPECT_THAT(CopyFromLayers({from_}, out_ + "/again"), StatusCodeIs(absl::StatusCode::kDataLoss));
}

TEST(CheckpointImage, IsToldByItsManifest) {
  EXPECT_TRUE(IsCheckpointImage(R"({"annotations": {"io.kubernetes.cri-o.annotations.checkpoint.name": "c"}})"));
  EXPECT_TRUE(IsCheckpointImage(R"({"annotations": {"org.criu.checkpoint.container.name": "c"}})"));
  EXPECT_FALSE(IsCheckpointImage(R"({"annotations": {"name": "c"}})"));
  EXPECT_FALSE(IsCheckpointImage(R"({"annotations": []})"));
  EXPECT_FALSE(IsCheckpointImage("no JSON"));
}

}  // namespace
}  // namespace rkt::checkpoint
