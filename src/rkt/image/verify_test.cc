// SPDX-License-Identifier: Apache-2.0
// Damage as a power loss leaves it, and what is said of it.
#include "rkt/image/verify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/image/fetch.h"
#include "rkt/image/test_layout.h"

namespace rkt::image {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || std::system("skopeo --version >/dev/null 2>&1") != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root and skopeo";
      GTEST_SKIP() << "needs root and skopeo";
    }
    ::setenv("RKT_UNPACK", RKT_UNPACK_FOR_TESTS, 1);
    options_.skopeo.verify_image = false;
    options_.names = {"busybox"};
    store_ = std::make_unique<Store>(*Store::Open(
        {.dir = directory_.File("rkt"), .in_use = [this] { return in_use_; }, .unpack = {}, .clock = nullptr}));
    TestImage image;
    AddTestLayer(image, {{.path = "bin", .mode = S_IFDIR | 0755},
                         {.path = "bin/sh", .mode = S_IFREG | 0755, .content = "#!/bin/true"},
                         {.path = "bin/ls", .mode = S_IFREG | 04755, .content = "list"}});
    AddTestLayer(image, {{.path = "etc/x", .content = "y"}});
    WriteTestLayout(image, directory_.File("layout"));
    FetchAgain();
  }

  void FetchAgain() { ASSERT_OK_AND_ASSIGN(image_, Fetch(*store_, "oci:" + directory_.File("layout"), options_)); }
  std::string InLayer(size_t layer, const std::string& path) const {
    return StrCat(store_->LayerPath(image_.layers[layer].diff_id), "/diff/", path);
  }
  std::vector<Damage> DamageFound() {
    auto report = Verify(*store_, {}, {});
    EXPECT_THAT(report, IsOk());
    EXPECT_THAT(report->images, SizeIs(1));
    return report->images[0].damage;
  }
  static auto Says(const std::string& part, const std::string& what) {
    return AllOf(Field(&Damage::part, part), Field(&Damage::what, HasSubstr(what)));
  }

  rktlet::base::TempDir directory_;
  FetchOptions options_;
  std::set<std::string> in_use_;
  std::unique_ptr<Store> store_;
  ImageRecord image_;
};

TEST_F(VerifyTest, FindsNothingInAWholeStore) {
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, Verify(*store_, {}, {}));
  ASSERT_THAT(report.images, SizeIs(1));
  EXPECT_THAT(report.images[0].damage, IsEmpty());
  EXPECT_THAT(report.orphans, IsEmpty());
  EXPECT_THAT(Verify(*store_, {"nosuch"}, {}), StatusIs(absl::StatusCode::kNotFound, HasSubstr("nosuch")));
}

TEST_F(VerifyTest, NamesTheFilesOfALayerThatAreNotWhatTheyWere) {
  ASSERT_EQ(::truncate(InLayer(0, "bin/sh").c_str(), 0), 0);
  ASSERT_EQ(::chmod(InLayer(0, "bin/ls").c_str(), 0755), 0);
  ASSERT_EQ(::unlink(InLayer(1, "etc/x").c_str()), 0);
  ASSERT_THAT(rktlet::base::WriteFileAtomic(InLayer(1, "etc/y"), "z"), IsOk());
  EXPECT_THAT(DamageFound(),
              ElementsAre(Says("layer", "bin/ls: has the mode 0755 instead of 4755"),
                          Says("layer", "bin/sh: has 0 bytes instead of 11"),
                          Says("layer", "etc/y: is not of the image"), Says("layer", "etc/x: is missing")));
}

TEST_F(VerifyTest, SeesContentOfTheSameLength) {
  ASSERT_OK_AND_ASSIGN(const auto file, rktlet::base::OpenAt(AT_FDCWD, InLayer(0, "bin/sh"), O_WRONLY));
  ASSERT_EQ(::pwrite(file.get(), "\0\0\0", 3, 4), 3);
  EXPECT_THAT(DamageFound(), ElementsAre(Says("layer", "bin/sh: has other content")));
}

TEST_F(VerifyTest, NamesTornDocumentsAndArchives) {
  ASSERT_THAT(rktlet::base::WriteFileAtomic(store_->BlobPath(image_.manifest_digest), ""), IsOk());
  ASSERT_EQ(::unlink(store_->BlobPath(image_.layers[0].digest).c_str()), 0);
  EXPECT_THAT(DamageFound(), ElementsAre(Says("manifest", "has the digest"), Says("archive", "is missing"),
                                         Says("layer", "cannot be compared")));
}

TEST_F(VerifyTest, NamesALayerThatIsGone) {
  ASSERT_THAT(rktlet::base::RemoveTree(store_->LayerPath(image_.layers[1].diff_id)), IsOk());
  EXPECT_THAT(DamageFound(), ElementsAre(Says("layer", "is missing")));
}

TEST_F(VerifyTest, FindsWhatNoImageNames) {
  const std::string orphan = store_->BlobPath("sha256:" + std::string(64, 'a'));
  ASSERT_THAT(rktlet::base::WriteFileAtomic(orphan, "x"), IsOk());
  ASSERT_OK_AND_ASSIGN(VerifyReport report, Verify(*store_, {}, {}));
  EXPECT_THAT(report.orphans, ElementsAre(orphan));
  ASSERT_OK_AND_ASSIGN(report, Verify(*store_, {}, {.repair = true}));
  EXPECT_THAT(report.removed, ElementsAre(orphan));
  EXPECT_FALSE(rktlet::base::Exists(orphan));
}

TEST_F(VerifyTest, TakesDamageAwaySoThatAFetchMendsIt) {
  ASSERT_EQ(::truncate(InLayer(0, "bin/sh").c_str(), 0), 0);
  ASSERT_THAT(rktlet::base::WriteFileAtomic(store_->BlobPath(image_.layers[1].digest), "torn"), IsOk());
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, Verify(*store_, {}, {.repair = true}));
  EXPECT_THAT(report.removed, Contains(store_->LayerPath(image_.layers[0].diff_id)));
  EXPECT_FALSE(store_->IsComplete(image_));
  FetchAgain();
  EXPECT_THAT(DamageFound(), IsEmpty());
}

TEST_F(VerifyTest, LeavesTheDamageOfAnImageInUse) {
  ASSERT_EQ(::truncate(InLayer(0, "bin/sh").c_str(), 0), 0);
  in_use_ = {image_.id};
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, Verify(*store_, {}, {.repair = true}));
  EXPECT_THAT(report.removed, IsEmpty());
  EXPECT_TRUE(rktlet::base::Exists(InLayer(0, "bin/sh")));
}

}  // namespace
}  // namespace rkt::image
