// SPDX-License-Identifier: Apache-2.0
// Fetching with the real skopeo, from OCI layouts on disk: no registry, no network.
#include "rkt/image/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "base/files.h"
#include "base/pid_fd.h"
#include "base/status_matchers.h"
#include "rkt/image/sha256.h"
#include "rkt/image/source.h"
#include "rkt/image/test_layout.h"

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

class FetchTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || std::system("skopeo --version >/dev/null 2>&1") != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root and skopeo";
      GTEST_SKIP() << "needs root and skopeo";
    }
    ::setenv("RKT_UNPACK", RKT_UNPACK_FOR_TESTS, 1);
    options_.skopeo.verify_image = false;  // no policy.json is asked for
    store_ = std::make_unique<Store>(*Store::Open(directory_.File("rkt")));
  }

  std::vector<std::string> Names(const std::string& folder) const {
    return rktlet::base::ListDirectory(directory_.File("rkt/images/" + folder)).value_or(std::vector<std::string>{});
  }
  std::string Layout() const { return directory_.File("layout"); }

  // Every image that the store names is whole.
  void ExpectValid() {
    ASSERT_OK_AND_ASSIGN(const auto images, store_->List());
    for (const ImageRecord& image : images) {
      ASSERT_OK_AND_ASSIGN(const LowerDirs lower, store_->LowerDirs(image.id));
      EXPECT_THAT(lower.names, SizeIs(image.layers.size()));
      EXPECT_THAT(store_->Config(image.id), IsOk());
      ASSERT_OK_AND_ASSIGN(const std::string manifest, store_->Manifest(image.id));
      EXPECT_EQ(DigestOf(manifest), image.manifest_digest);
      for (const LayerRecord& layer : image.layers) {
        EXPECT_THAT(DigestOfFile(store_->BlobPath(layer.digest)), IsOkAndHolds(layer.digest));
      }
    }
  }

  rktlet::base::TempDir directory_;
  FetchOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(FetchTest, StoresAnImageOfALayoutUnderTheNamesGiven) {
  TestImage image;
  image.config = {{"Cmd", {"sh"}}, {"User", "1000"}, {"Labels", {{"k", "v"}}}};
  AddTestLayer(image, {{.path = "bin/sh", .mode = S_IFREG | 0755, .content = "#!"}});
  AddTestLayer(image, {{.path = "bin/.wh.sh"}, {.path = "etc/x", .content = "y"}});
  const std::string id = WriteTestLayout(image, Layout());
  options_.names = {"busybox"};
  ASSERT_OK_AND_ASSIGN(const ImageRecord record, Fetch(*store_, "oci:" + Layout(), options_));
  EXPECT_EQ(record.id, id);
  EXPECT_THAT(record.tags, ElementsAre("docker.io/library/busybox:latest"));
  EXPECT_EQ(record.user, "1000");
  EXPECT_THAT(record.layers, SizeIs(2));
  ExpectValid();
  EXPECT_THAT(Names("tmp"), IsEmpty());
  EXPECT_THAT(Fetch(*store_, "busybox", {.policy = PullPolicy::kNever}), IsOk());
}

TEST_F(FetchTest, RefusesHostileImagesByNameAndLeavesNothing) {
  TestImage image;
  AddTestLayer(image, {{.path = "good", .content = "x"}});
  AddTestLayer(image, {{.path = "a/../../evil", .content = "x"}});
  WriteTestLayout(image, Layout());
  EXPECT_THAT(Fetch(*store_, "oci:" + Layout(), options_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a/../../evil")));
  TestImage wrong;
  AddTestLayer(wrong, {{.path = "good", .content = "x"}});
  wrong.diff_ids[0] = DigestOf("something else");
  WriteTestLayout(wrong, directory_.File("wrong"));
  EXPECT_THAT(Fetch(*store_, "oci:" + directory_.File("wrong"), options_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("digest")));
  for (const char* folder : {"tmp", "layers", "blobs/sha256", "l", "used"}) {
    EXPECT_THAT(Names(folder), IsEmpty()) << folder;
  }
}

TEST_F(FetchTest, RefusesWhatCannotRunHere) {
  TestImage image;
  AddTestLayer(image, {{.path = "f"}});
  image.diff_ids.push_back(image.diff_ids[0]);
  WriteTestLayout(image, Layout());
  EXPECT_THAT(Fetch(*store_, "oci:" + Layout(), options_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layers")));
  EXPECT_THAT(Fetch(*store_, "oci:" + directory_.File("absent"), options_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent")));
  EXPECT_THAT(Fetch(*store_, "busybox", {.policy = PullPolicy::kNever}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("busybox")));
  EXPECT_THAT(Fetch(*store_, "Bad Name", options_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Bad Name")));
}

// Kills a fetching process at random moments: the store is valid each time, and the next fetch works and cleans up.
TEST_F(FetchTest, SurvivesSigkillAtAnyMoment) {
  TestImage image;
  std::mt19937 random(20240229);
  for (int layer = 0; layer < 4; ++layer) {
    std::string noise(size_t{1} << 20, '\0');
    for (char& byte : noise) {
      byte = static_cast<char>(random());
    }
    std::vector<TestEntry> entries = {{.path = StrCat("big", layer), .content = noise}};
    for (int file = 0; file < 50; ++file) {
      entries.push_back({.path = StrCat("d", layer, "/", file), .content = StrCat(file)});
    }
    AddTestLayer(image, entries);
  }
  const std::string id = WriteTestLayout(image, Layout());
  options_.names = {"killed"};
  int killed = 0;
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto fetched = Fetch(*store_, "oci:" + Layout(), options_);
      if (!fetched.ok()) {
        ::dprintf(STDERR_FILENO, "%s\n", fetched.status().ToString().c_str());
      }
      ::_exit(fetched.ok() ? 0 : 1);
    }
    ASSERT_OK_AND_ASSIGN(const auto pid_fd, rktlet::base::PidFd::Open(child));
    pollfd polled = {pid_fd.fd(), POLLIN, 0};
    ::poll(&polled, 1, static_cast<int>(random() % 350));
    pid_fd.SendSignal(SIGKILL).IgnoreError();
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    ExpectValid();
    if (const auto found = store_->Find("killed"); found.ok()) {
      EXPECT_EQ(found->id, id);
      ASSERT_THAT(store_->Remove(id), IsOk());
    }
  }
  EXPECT_GT(killed, 0);
  ASSERT_THAT(Fetch(*store_, "oci:" + Layout(), options_), IsOk());
  ExpectValid();
  EXPECT_THAT(Names("tmp"), IsEmpty());
  EXPECT_THAT(Names("layers"), SizeIs(4));
  ASSERT_THAT(store_->Remove(id), IsOk());
  for (const char* folder : {"tmp", "layers", "blobs/sha256", "l", "used"}) {
    EXPECT_THAT(Names(folder), IsEmpty()) << folder;
  }
}

TEST(Source, TellsRegistriesLayoutsAndArchives) {
  auto source = ParseSource("busybox");
  ASSERT_THAT(source, IsOk());
  EXPECT_EQ(source->skopeo_name, "docker://docker.io/library/busybox:latest");
  EXPECT_THAT(source->tags, ElementsAre("docker.io/library/busybox:latest"));
  const std::string digest = DigestOf("x");
  EXPECT_EQ(source->Pinned(digest), StrCat("docker://docker.io/library/busybox@", digest));
  source = ParseSource(StrCat("docker://r.example/a@", digest));
  ASSERT_THAT(source, IsOk());
  EXPECT_THAT(source->tags, IsEmpty());
  source = ParseSource("oci:/layout:latest");
  ASSERT_THAT(source, IsOk());
  EXPECT_THAT(source->tags, IsEmpty());
  source = ParseSource("oci-archive:/file.tar:team/app:1");
  ASSERT_THAT(source, IsOk());
  EXPECT_THAT(source->tags, ElementsAre("docker.io/team/app:1"));
  source = ParseSource("docker-archive:file.tar:busybox");
  ASSERT_THAT(source, IsOk());
  EXPECT_THAT(source->tags, ElementsAre("docker.io/library/busybox:latest"));
  EXPECT_FALSE(ParseSource("oci:").ok());
}

TEST(SkopeoFailure, KeepsTheReasonAndTellsTheKind) {
  const absl::Status unknown = SkopeoFailure(
      "time=\"x\" level=fatal msg=\"Error parsing image name \\\"docker://r/x\\\": reading manifest 1 in r/x: manifest "
      "unknown: manifest unknown\"\n");
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"docker://r/x\": reading manifest")));
  EXPECT_EQ(SkopeoFailure("msg=\"unauthorized: authentication required\"").code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(SkopeoFailure("msg=\"dial tcp: connection refused\"").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SkopeoFailure("plain words\n").message(), "plain words");
}

}  // namespace
}  // namespace rkt::image
