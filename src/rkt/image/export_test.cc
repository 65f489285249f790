// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/export.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/image/fetch.h"
#include "rkt/image/test_layout.h"

namespace rkt::image {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::ElementsAre;
using testing::HasSubstr;

class ExportTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || std::system("skopeo --version >/dev/null 2>&1") != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root and skopeo";
      GTEST_SKIP() << "needs root and skopeo";
    }
    ::setenv("RKT_UNPACK", RKT_UNPACK_FOR_TESTS, 1);
    options_.skopeo.verify_image = false;
    store_ = std::make_unique<Store>(*Store::Open(directory_.File("rkt")));
    TestImage image;
    image.config = {{"Cmd", {"sh"}}, {"Labels", {{"k", "v"}}}};
    AddTestLayer(image, {{.path = "bin/sh", .mode = S_IFREG | 0755, .content = "#!"}});
    AddTestLayer(image, {{.path = "etc/x", .content = "y"}});
    id_ = WriteTestLayout(image, directory_.File("layout"));
    options_.names = {"busybox"};
    ASSERT_THAT(Fetch(*store_, "oci:" + directory_.File("layout"), options_), IsOk());
  }

  absl::Status Export() {
    ASSIGN_OR_RETURN(const auto file,
                     rktlet::base::OpenAt(AT_FDCWD, directory_.File("image.tar"), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    return ExportImage(*store_, id_, "docker.io/library/busybox:latest", file.get());
  }

  rktlet::base::TempDir directory_;
  FetchOptions options_;
  std::unique_ptr<Store> store_;
  std::string id_;
};

TEST_F(ExportTest, WritesAnArchiveFromWhichTheSameImageIsFetched) {
  ASSERT_THAT(Export(), IsOk());
  ASSERT_OK_AND_ASSIGN(Store other, Store::Open(directory_.File("other")));
  const std::string source = StrCat("oci-archive:", directory_.File("image.tar"), ":docker.io/library/busybox:latest");
  options_.names.clear();
  ASSERT_OK_AND_ASSIGN(const ImageRecord record, Fetch(other, source, options_));
  EXPECT_EQ(record.id, id_);
  EXPECT_THAT(record.tags, ElementsAre("docker.io/library/busybox:latest"));
  ASSERT_OK_AND_ASSIGN(const std::string manifest, store_->Manifest(id_));
  EXPECT_THAT(other.Manifest(id_), IsOkAndHolds(manifest));
}

TEST_F(ExportTest, IsAnArchiveForTarToo) {
  ASSERT_THAT(Export(), IsOk());
  const std::string command =
      StrCat("tar -tf ", directory_.File("image.tar"), " >", directory_.File("names"), " && tar -xOf ",
             directory_.File("image.tar"), " oci-layout >", directory_.File("oci-layout"));
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_THAT(rktlet::base::ReadFile(directory_.File("names")), IsOkAndHolds(HasSubstr("index.json\n")));
  EXPECT_THAT(rktlet::base::ReadFile(directory_.File("oci-layout")), IsOkAndHolds(HasSubstr("1.0.0")));
}

TEST_F(ExportTest, TellsThatAStoredLayerIsDamaged) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord record, store_->Get(id_));
  const std::string digest = record.layers[1].digest;
  ASSERT_THAT(rktlet::base::WriteFileAtomic(store_->BlobPath(digest), "torn"), IsOk());
  EXPECT_THAT(Export(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(digest)));
}

}  // namespace
}  // namespace rkt::image
