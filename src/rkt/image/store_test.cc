// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/image/test_layout.h"
#include "rkt/image/unpack/unpack.h"

namespace rkt::image {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kHour = 3600 * int64_t{1'000'000'000};

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    StoreOptions options;
    options.dir = directory_.path();
    options.clock = &clock_;
    options.unpack = [](int archive, int directory, const std::string& diff_id, int) {
      return UnpackLayer(archive, directory, diff_id, UnpackLimits{.max_entries = 100});
    };
    auto store = Store::Open(std::move(options));
    EXPECT_THAT(store, IsOk());
    store_ = std::make_unique<Store>(*std::move(store));
  }

  void SetUp() override {
    if (::geteuid() != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
      GTEST_SKIP() << "owners of files need root";
    }
  }

  // Puts an image of one layer per content into the store, as a fetch does.
  absl::StatusOr<ImageRecord> Add(const std::vector<std::string>& contents, std::vector<std::string> tags,
                                  std::vector<std::string> digests = {}) {
    ASSIGN_OR_RETURN(const auto lock, store_->LockForFetch());
    ASSIGN_OR_RETURN(const std::string work, store_->MakeWorkDirectory());
    ImageRecord record;
    nlohmann::json diff_ids = nlohmann::json::array();
    for (const std::string& content : contents) {
      const std::string tar = MakeTar({{.path = content, .content = content}});
      const Descriptor blob = {.media_type = "tar", .digest = DigestOf(tar), .size = tar.size()};
      RETURN_IF_ERROR(store_->AddBlob(blob.digest, tar));
      ASSIGN_OR_RETURN(LayerRecord layer, store_->AddLayer(blob, DigestOf(tar), work));
      record.layers.push_back(layer);
      diff_ids.push_back(layer.diff_id);
    }
    const nlohmann::json document = {{"config", {{"Cmd", contents}, {"User", "7"}}},
                                     {"rootfs", {{"diff_ids", diff_ids}}}};
    const std::string config = document.dump();
    record.id = DigestOf(config);
    record.manifest_digest = DigestOf("manifest of " + config);
    record.tags = std::move(tags);
    record.digests = std::move(digests);
    RETURN_IF_ERROR(store_->AddBlob(record.id, config));
    RETURN_IF_ERROR(store_->AddBlob(record.manifest_digest, "manifest of " + config));
    return store_->Commit(std::move(record), work);
  }

  void Use(const std::string& id, const std::string& file = "pods/p/apps/a/app.json") {
    const std::string path = directory_.File(file);
    ASSERT_THAT(rktlet::base::MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    ASSERT_THAT(rktlet::base::WriteFileAtomic(path, StrCat("{\"image_id\": \"", id, "\", torn")), IsOk());
  }
  void Unuse() { ASSERT_THAT(rktlet::base::RemoveTree(directory_.File("pods")), IsOk()); }

  std::vector<std::string> Names(const std::string& folder) const {
    return rktlet::base::ListDirectory(directory_.File("images/" + folder)).value_or(std::vector<std::string>{"?"});
  }
  void ExpectEmpty() const {
    for (const char* folder : {"blobs/sha256", "layers", "l", "used", "tmp"}) {
      EXPECT_THAT(Names(folder), IsEmpty()) << folder;
    }
  }

  rktlet::base::TempDir directory_;
  rktlet::base::FakeClock clock_;
  std::unique_ptr<Store> store_;
};

const char kDigest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST_F(StoreTest, FindsAnImageByNameDigestIdAndUniquePrefix) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord image,
                       Add({"a"}, {"docker.io/library/a:latest"}, {StrCat("docker.io/library/a@", kDigest)}));
  for (const std::string& name : {std::string("a"), std::string("docker://a:latest"), StrCat("a@", kDigest), image.id,
                                  image.id.substr(0, 20), image.id.substr(7), image.id.substr(7, 10)}) {
    auto found = store_->Find(name);
    ASSERT_THAT(found, IsOk()) << name;
    EXPECT_EQ(found->id, image.id);
    EXPECT_EQ(found->Name(), "docker.io/library/a:latest");
  }
  EXPECT_THAT(store_->Find(image.id.substr(7, 3)), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not in")));
  EXPECT_THAT(store_->Find("b"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\"")));
  EXPECT_THAT(store_->Find("a:2"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("a:2")));
  EXPECT_THAT(store_->Find("Not A Name"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Not A Name")));
}

TEST_F(StoreTest, SaysThatAPrefixIsAmbiguous) {
  // Among 17 images two begin with the same digit.
  for (int i = 0; i < 17; ++i) {
    ASSERT_THAT(Add({StrCat("f", i)}, {StrCat("docker.io/library/i", i, ":latest")}), IsOk());
  }
  int ambiguous = 0;
  for (const char digit : std::string("0123456789abcdef")) {
    ambiguous += absl::IsFailedPrecondition(store_->Find(StrCat("sha256:", std::string(1, digit))).status()) ? 1 : 0;
  }
  EXPECT_GT(ambiguous, 0);
}

TEST_F(StoreTest, KeepsAnImageOfTwoNamesOnceAndASharedLayerOnce) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord first, Add({"base", "x"}, {"docker.io/library/a:1"}));
  ASSERT_OK_AND_ASSIGN(const ImageRecord again, Add({"base", "x"}, {"docker.io/library/a:2"}));
  ASSERT_THAT(Add({"base", "y"}, {"docker.io/library/b:1"}), IsOk());
  EXPECT_EQ(first.id, again.id);
  EXPECT_THAT(again.tags, ElementsAre("docker.io/library/a:1", "docker.io/library/a:2"));
  EXPECT_THAT(store_->List(), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(Names("layers"), SizeIs(3));
}

TEST_F(StoreTest, MovesATagToTheImageThatHasItNow) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord old, Add({"old"}, {"docker.io/library/a:latest"}));
  ASSERT_OK_AND_ASSIGN(const ImageRecord now, Add({"new"}, {"docker.io/library/a:latest"}));
  EXPECT_EQ(store_->Find("a")->id, now.id);
  EXPECT_THAT(store_->Find(old.id)->tags, IsEmpty());
}

TEST_F(StoreTest, TakesANameOfSeveralAwayAndTheImageWithItsLastOrByItsId) {
  ASSERT_THAT(Add({"x"}, {"docker.io/library/a:1", "docker.io/library/a:2"}), IsOk());
  ASSERT_THAT(store_->Remove("a:1"), IsOk());
  EXPECT_THAT(store_->Find("a:1"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("a:1")));
  EXPECT_THAT(store_->Find("a:2"), IsOk());
  ASSERT_THAT(store_->Remove("a:2"), IsOk());
  ExpectEmpty();
  ASSERT_OK_AND_ASSIGN(const ImageRecord image, Add({"x"}, {"docker.io/library/a:1", "docker.io/library/a:2"}));
  ASSERT_THAT(store_->Remove(image.id.substr(0, 16)), IsOk());
  ExpectEmpty();
  EXPECT_THAT(store_->Remove("a:1"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("a:1")));
}

TEST_F(StoreTest, LeavesLayersThatAnotherImageHas) {
  ASSERT_THAT(Add({"base", "x"}, {"docker.io/library/a:1"}), IsOk());
  ASSERT_OK_AND_ASSIGN(const ImageRecord other, Add({"base", "y"}, {"docker.io/library/b:1"}));
  ASSERT_THAT(store_->Remove("a:1"), IsOk());
  EXPECT_THAT(Names("layers"), SizeIs(2));
  EXPECT_THAT(store_->LowerDirs(other.id), IsOk());
}

TEST_F(StoreTest, RefusesToRemoveAnImageInUse) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord image, Add({"x"}, {"docker.io/library/a:1"}));
  Use(image.id, "pods/p/apps/.being-written.tmp/app.json");
  EXPECT_THAT(store_->Remove("a:1"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in use")));
  EXPECT_THAT(store_->Find("a:1"), IsOk());
}

TEST_F(StoreTest, RemovedByForceAnImageStaysForItsContainersAndGoesWithTheLast) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord image, Add({"x"}, {"docker.io/library/a:1"}));
  Use(image.id);
  ASSERT_THAT(store_->Remove("a:1", {.force = true}), IsOk());
  EXPECT_THAT(store_->List(), IsOkAndHolds(IsEmpty()));
  EXPECT_FALSE(store_->Find(image.id).ok());
  EXPECT_THAT(store_->LowerDirs(image.id), IsOk());
  EXPECT_THAT(store_->Config(image.id), IsOk());
  ASSERT_THAT(store_->Sweep(), IsOk());
  EXPECT_THAT(Names("layers"), SizeIs(1));
  ASSERT_THAT(Add({"x"}, {"docker.io/library/a:2"}), IsOk()) << "fetched again it is there as any other";
  EXPECT_THAT(store_->Find("a:2"), IsOk());
  ASSERT_THAT(store_->Remove("a:2", {.force = true}), IsOk());
  Unuse();
  ASSERT_THAT(store_->Sweep(), IsOk());
  ExpectEmpty();
}

TEST_F(StoreTest, CollectsWhatNobodyUsedForTheGracePeriod) {
  ASSERT_OK_AND_ASSIGN(const ImageRecord idle, Add({"idle"}, {"docker.io/library/idle:1"}));
  ASSERT_OK_AND_ASSIGN(const ImageRecord used, Add({"used"}, {"docker.io/library/used:1"}));
  ASSERT_OK_AND_ASSIGN(const ImageRecord running, Add({"run"}, {"docker.io/library/run:1"}));
  Use(running.id);
  clock_.realtime_nanos += 25 * kHour;
  ASSERT_THAT(store_->Touch(used.id), IsOk());
  ASSERT_OK_AND_ASSIGN(const GcResult result, store_->Gc(24 * kHour));
  EXPECT_THAT(result.removed, ElementsAre(idle.id));
  EXPECT_THAT(store_->List(), IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ(store_->Find("used:1")->last_used_time, clock_.realtime_nanos);
}

TEST_F(StoreTest, GivesLowerDirectoriesTopmostFirstByShortNames) {
  std::vector<std::string> contents;
  for (int i = 0; i < 127; ++i) {
    contents.push_back(StrCat("layer", i));
  }
  contents.push_back("layer0");  // the same layer twice
  ASSERT_OK_AND_ASSIGN(const ImageRecord image, Add(contents, {"docker.io/library/deep:1"}));
  ASSERT_OK_AND_ASSIGN(const LowerDirs lower, store_->LowerDirs(image.id));
  ASSERT_THAT(lower.names, SizeIs(127));
  size_t size = 0;
  for (const std::string& name : lower.names) {
    size += name.size() + 1;
  }
  EXPECT_LT(size, 2000u);
  EXPECT_TRUE(rktlet::base::Exists(StrCat(lower.base_path, "/", lower.names[0], "/layer0")));
  EXPECT_TRUE(rktlet::base::Exists(StrCat(lower.base_path, "/", lower.names[1], "/layer126")));
  struct stat info {};
  EXPECT_EQ(::fstatat(lower.base.get(), lower.names.back().c_str(), &info, 0), 0);
  EXPECT_TRUE(S_ISDIR(info.st_mode));
}

TEST_F(StoreTest, ThrowsADamagedArchiveAwayAndKeepsAHostileOnesBlame) {
  ASSERT_OK_AND_ASSIGN(const auto lock, store_->LockForFetch());
  ASSERT_OK_AND_ASSIGN(const std::string work, store_->MakeWorkDirectory());
  const std::string tar = MakeTar({{.path = "f", .content = "content"}});
  const Descriptor blob = {.media_type = "tar", .digest = DigestOf(tar), .size = tar.size()};
  std::string damaged = tar;
  damaged[520] = '!';
  ASSERT_THAT(rktlet::base::WriteFileAtomic(store_->BlobPath(blob.digest), damaged), IsOk());
  EXPECT_THAT(store_->AddLayer(blob, blob.digest, work), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(blob.digest)));
  EXPECT_FALSE(rktlet::base::Exists(store_->BlobPath(blob.digest)));
  EXPECT_THAT(Names("layers"), IsEmpty());

  const std::string hostile = MakeTar({{.path = "../f"}});
  ASSERT_THAT(store_->AddBlob(DigestOf(hostile), hostile), IsOk());
  EXPECT_THAT(store_->AddLayer({.media_type = "tar", .digest = DigestOf(hostile)}, DigestOf(hostile), work),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("../f")));
  EXPECT_THAT(Names("layers"), IsEmpty());
}

TEST_F(StoreTest, SweepsWhatAKilledFetchLeftButNotWhileAnotherFetches) {
  ASSERT_THAT(rktlet::base::MakeDirectories(directory_.File("images/tmp/work-dead/layer")), IsOk());
  ASSERT_THAT(rktlet::base::MakeDirectories(directory_.File("images/layers/abc/diff")), IsOk());
  ASSERT_THAT(store_->AddBlob(DigestOf("x"), "x"), IsOk());
  {
    ASSERT_OK_AND_ASSIGN(const auto lock, store_->LockForFetch());
    EXPECT_THAT(Names("tmp"), IsEmpty()) << "nobody fetched: what is there is stale";
    ASSERT_THAT(store_->Sweep(), IsOk());
    EXPECT_THAT(Names("blobs/sha256"), SizeIs(1));
  }
  ASSERT_THAT(store_->Sweep(), IsOk());
  EXPECT_THAT(Names("layers"), IsEmpty());
  EXPECT_THAT(Names("blobs/sha256"), SizeIs(1)) << "the next try of a fetch needs it";
  ASSERT_THAT(store_->Sweep(std::chrono::nanoseconds(0)), IsOk());
  ExpectEmpty();
}

TEST_F(StoreTest, NamesTheFileWhenItsRecordsAreTorn) {
  ASSERT_THAT(Add({"x"}, {"docker.io/library/a:1"}), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(directory_.File("images/images.json"), "{\"version\": 1, \"ima"), IsOk());
  EXPECT_THAT(store_->List(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("images.json")));
  EXPECT_THAT(store_->Sweep(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("images.json")));
  EXPECT_THAT(Names("layers"), SizeIs(1)) << "nothing is thrown away on the word of a torn file";
  ASSERT_THAT(rktlet::base::WriteFileAtomic(directory_.File("images/images.json"), R"({"version": 2})"), IsOk());
  EXPECT_THAT(store_->List(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 2")));
}

TEST(ImageConfigTest, TakesWhatRunningAContainerNeeds) {
  ASSERT_OK_AND_ASSIGN(const ImageConfig config, ParseImageConfig(R"({"os": "linux", "config": {
      "Entrypoint": ["/e"], "Cmd": null, "Env": ["A=b"], "WorkingDir": "/w", "User": "u:g", "StopSignal": "SIGQUIT",
      "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}}, "Labels": {"k": "v"}}})"));
  EXPECT_THAT(config.entrypoint, ElementsAre("/e"));
  EXPECT_THAT(config.cmd, IsEmpty());
  EXPECT_THAT(config.env, ElementsAre("A=b"));
  EXPECT_EQ(config.working_dir, "/w");
  EXPECT_EQ(config.user, "u:g");
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_THAT(config.exposed_ports, ElementsAre("80/tcp"));
  EXPECT_THAT(config.volumes, ElementsAre("/v"));
  EXPECT_THAT(ParseImageConfig("{}"), IsOk());
  EXPECT_THAT(ParseImageConfig(R"({"x": )" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("nested")));
  EXPECT_THAT(ParseImageConfig(R"({"config": {"Cmd": "sh"}})"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
  EXPECT_THAT(ParseImageConfig(R"({"rootfs": {"diff_ids": ["../x"]}})"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("../x")));
}

}  // namespace
}  // namespace rkt::image
