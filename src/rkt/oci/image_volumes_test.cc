// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/image_volumes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "rkt/image/sha256.h"

namespace rkt::oci {
namespace {

using rkt::image::DigestOf;
using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::Mount;
using rktlet::spec::MountKind;
using testing::HasSubstr;
using testing::SizeIs;

class ImageVolumesTest : public testing::Test {
 protected:
  ImageVolumesTest() {
    rkt::image::StoreOptions options;
    options.dir = temp_.File("lib");
    // Instead of an archive's content: a directory, a file, and links that would lead out.
    options.unpack = [](int, int directory, const std::string&, int) -> absl::StatusOr<rkt::image::UnpackResult> {
      EXPECT_EQ(mkdirat(directory, "sub", 0755), 0);
      const UniqueFd file(openat(directory, "sub/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
      EXPECT_TRUE(file.valid());
      EXPECT_EQ(symlinkat("../../../../sub", directory, "up"), 0);
      EXPECT_EQ(symlinkat("/etc", directory, "out"), 0);
      return rkt::image::UnpackResult{};
    };
    auto store = rkt::image::Store::Open(std::move(options));
    EXPECT_THAT(store, IsOk());
    store_ = std::make_unique<rkt::image::Store>(*std::move(store));
  }

  std::string AddImage(const std::string& tag) {
    auto lock = store_->LockForFetch();
    auto work = store_->MakeWorkDirectory();
    EXPECT_THAT(work, IsOk());
    const rkt::image::Descriptor blob = {.media_type = "tar", .digest = DigestOf("layer"), .size = 5};
    EXPECT_THAT(store_->AddBlob(blob.digest, "layer"), IsOk());
    auto layer = store_->AddLayer(blob, blob.digest, *work);
    EXPECT_THAT(layer, IsOk());
    rkt::image::ImageRecord record;
    record.layers = {*layer};
    record.id = DigestOf("{}");
    record.manifest_digest = DigestOf("manifest");
    record.tags = {tag};
    EXPECT_THAT(store_->AddBlob(record.id, "{}"), IsOk());
    EXPECT_THAT(store_->AddBlob(record.manifest_digest, "manifest"), IsOk());
    auto image = store_->Commit(std::move(record), *work);
    EXPECT_THAT(image, IsOk());
    return image->id;
  }

  static Mount ImageMount(const std::string& image, const std::string& sub_path = "") {
    Mount mount;
    mount.kind = MountKind::kImage;
    mount.image = image;
    mount.image_sub_path = sub_path;
    mount.container_path = "/data";
    mount.read_only = true;
    return mount;
  }
  absl::StatusOr<std::vector<ImageVolume>> Find(Mount mount) {
    Mount other;
    other.container_path = "/other";
    rktlet::spec::ContainerSpec container;
    container.mounts = {other, std::move(mount)};
    return FindImageVolumes(*store_, container);
  }

  rktlet::base::TempDir temp_;
  std::unique_ptr<rkt::image::Store> store_;
};

TEST_F(ImageVolumesTest, AreFoundByNameAndWrittenAsTheyAreReadAtTheStart) {
  const std::string id = AddImage("docker.io/library/data:1");
  ASSERT_OK_AND_ASSIGN(const auto volumes, Find(ImageMount("data:1", "sub")));
  ASSERT_THAT(volumes, SizeIs(1));
  EXPECT_EQ(volumes[0].mount, 1U);
  EXPECT_EQ(volumes[0].container_path, "/data");
  EXPECT_EQ(volumes[0].image_id, id);
  ASSERT_OK_AND_ASSIGN(const UniqueFd directory, rktlet::base::OpenDirectory(temp_.path()));
  ASSERT_THAT(WriteImageVolumes(directory.get(), volumes), IsOk());
  ASSERT_OK_AND_ASSIGN(const OverlayLayers layers, ReadLayers(temp_.File("volume-1-layers")));
  EXPECT_EQ(layers.base_path, volumes[0].layers.base_path);
  EXPECT_EQ(layers.names, volumes[0].layers.names);
}

TEST_F(ImageVolumesTest, AnImageThatIsNotThereIsNamed) {
  EXPECT_THAT(Find(ImageMount("data:1")),
              StatusIs(absl::StatusCode::kNotFound,
                       testing::AllOf(HasSubstr("ImageVolumeMountFailed: mount /data"), HasSubstr("\"data:1\""))));
}

TEST_F(ImageVolumesTest, ASubPathIsADirectoryInsideTheImage) {
  AddImage("docker.io/library/data:1");
  for (const char* path : {"sub", "./sub/", "up"}) {
    EXPECT_THAT(Find(ImageMount("data:1", path)), IsOk()) << path;
  }
  EXPECT_THAT(Find(ImageMount("data:1", "none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("image_sub_path none")));
  EXPECT_THAT(Find(ImageMount("data:1", "sub/file")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sub/file in the image is no directory")));
  EXPECT_THAT(Find(ImageMount("data:1", "out")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("out")));
}

}  // namespace
}  // namespace rkt::oci
