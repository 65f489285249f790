// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/image_cache.h"

#include <gmock/gmock.h>

#include <boost/asio/post.hpp>

#include "base/status_matchers.h"
#include "rktlet/engine/fake_engine.h"
#include "rktlet/engine/puller.h"
#include "rktlet/engine/test_loop.h"

namespace rktlet::engine {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using testing::_;
using testing::Field;
using testing::IsNull;
using testing::Pointee;

const std::string kBusyboxId = "sha256:" + std::string(64, 'a');
const std::string kNginxId = "sha256:abcd" + std::string(60, '0');
const std::string kDigest = "sha256:" + std::string(64, 'd');

class Images : public testing::Test {
 protected:
  Images() : engine_(loop_.context().get_executor()), cache_(engine_) {
    engine_.images = {{.id = kBusyboxId,
                       .tags = {"docker.io/library/busybox:latest"},
                       .digests = {"docker.io/library/busybox@" + kDigest},
                       .size = 5,
                       .user = "",
                       .labels = {},
                       .layers = {}},
                      {.id = kNginxId,
                       .tags = {"registry.example:5000/web/nginx:1.25"},
                       .digests = {},
                       .size = 7,
                       .user = "",
                       .labels = {},
                       .layers = {}}};
  }

  auto HasId(const std::string& id) { return Pointee(Field(&Image::id, id)); }

  TestLoop loop_;
  FakeEngine engine_;
  ImageCache cache_;
  config::Config config_;
};

TEST_F(Images, AreFoundByEveryWayOfNamingThem) {
  ASSERT_THAT(loop_.Await(cache_.Refresh()), IsOk());
  for (const std::string& name :
       {std::string("busybox"), std::string("busybox:latest"), std::string("docker.io/busybox"),
        std::string("library/busybox"), "busybox@" + kDigest, "docker.io/library/busybox:1.0@" + kDigest, kBusyboxId,
        kBusyboxId.substr(7), std::string("aaaaaaaa"), std::string("sha256:aaaaaaaa")}) {
    EXPECT_THAT(cache_.Find(name), HasId(kBusyboxId)) << name;
  }
  EXPECT_THAT(cache_.Find("registry.example:5000/web/nginx:1.25"), HasId(kNginxId));
  for (const char* name : {"", "busybox:1.0", "nginx", "registry.example:5000/web/nginx", "aaa", "a", "ffff"}) {
    EXPECT_THAT(cache_.Find(name), IsNull()) << name;
  }
  EXPECT_EQ(cache_.TotalSize(), 12U);
}

TEST_F(Images, AFailedListingLeavesWhatWasKnown) {
  ASSERT_THAT(loop_.Await(cache_.Refresh()), IsOk());
  engine_.FailNext("ListImages", absl::InternalError("torn"));
  EXPECT_THAT(loop_.Await(cache_.Refresh()), StatusIs(absl::StatusCode::kInternal, _));
  EXPECT_THAT(cache_.Find("busybox"), HasId(kBusyboxId));
}

class Pulling : public Images {
 protected:
  Pulling() : puller_(loop_.context().get_executor(), engine_, cache_, config_) {}

  void Begin(const std::string& reference, const std::string& auth = "") {
    boost::asio::co_spawn(
        loop_.context(), puller_.Pull(reference, auth),
        [this](std::exception_ptr, absl::StatusOr<std::string> id) { ids_.push_back(std::move(id)); });
  }
  bool Ends(size_t count) {
    return loop_.RunUntil([this, count] { return ids_.size() == count; });
  }

  Puller puller_;
  std::vector<absl::StatusOr<std::string>> ids_;
};

TEST_F(Pulling, OfOneImageBySeveralCallersIsOneFetch) {
  engine_.Hold("FetchImage");
  Begin("docker.io/library/alpine:latest");
  Begin("docker.io/library/alpine:latest");
  ASSERT_TRUE(loop_.RunUntil([this] { return engine_.CountCalls("FetchImage") == 1; }));
  Begin("docker.io/library/alpine:latest");
  engine_.Release("FetchImage");
  ASSERT_TRUE(Ends(3));
  EXPECT_EQ(engine_.CountCalls("FetchImage"), 1U);
  for (const auto& id : ids_) {
    EXPECT_THAT(id, IsOkAndHolds(cache_.Find("alpine")->id));
  }
}

TEST_F(Pulling, WithOtherCredentialsIsAFetchOfItsOwn) {
  engine_.Hold("FetchImage");
  Begin("docker.io/library/alpine:latest", "a");
  Begin("docker.io/library/alpine:latest", "b");
  ASSERT_TRUE(loop_.RunUntil([this] { return engine_.CountCalls("FetchImage") == 2; }));
  engine_.Release("FetchImage");
  EXPECT_TRUE(Ends(2));
}

TEST_F(Pulling, WaitsForAFreePlace) {
  config_.max_parallel_pulls = 1;
  engine_.Hold("FetchImage");
  Begin("docker.io/library/a:latest");
  Begin("docker.io/library/bb:latest");
  Begin("docker.io/library/ccc:latest");
  ASSERT_TRUE(loop_.RunUntil([this] { return engine_.CountCalls("FetchImage") == 1; }));
  EXPECT_EQ(puller_.running(), 1U);
  engine_.Release("FetchImage");
  ASSERT_TRUE(Ends(3));
  EXPECT_EQ(engine_.CountCalls("FetchImage"), 3U);
}

TEST_F(Pulling, TellsHowFarItIsAndHowManyWaitForIt) {
  config_.max_parallel_pulls = 1;
  engine_.Hold("FetchImage");
  Begin("docker.io/library/a:latest");
  Begin("docker.io/library/a:latest", "secret");
  ASSERT_TRUE(loop_.RunUntil([this] { return engine_.CountCalls("FetchImage") == 1; }));
  Begin("docker.io/library/a:latest");
  ASSERT_TRUE(loop_.RunUntil([this] { return puller_.Pulls().front().callers == 2; }));
  engine_.fetches.front().on_progress({.phase = "fetch", .bytes = 5, .total = 10});
  const std::vector<PullView> pulls = puller_.Pulls();
  ASSERT_EQ(pulls.size(), 2U);
  EXPECT_EQ(pulls[0].reference, "docker.io/library/a:latest");
  EXPECT_EQ(pulls[0].progress.phase, "fetch");
  EXPECT_EQ(pulls[0].progress.bytes, 5U);
  EXPECT_EQ(pulls[0].progress.total, 10U);
  EXPECT_EQ(pulls[1].reference, "docker.io/library/a:latest");
  EXPECT_EQ(pulls[1].callers, 1U);
  EXPECT_EQ(pulls[1].progress.phase, "wait");
  engine_.Release("FetchImage");
  ASSERT_TRUE(Ends(3));
  EXPECT_TRUE(puller_.Pulls().empty());
}

TEST_F(Pulling, FailsForEverybodyWhoWaitedAndCanBeRepeated) {
  engine_.Hold("FetchImage");
  engine_.FailNext("FetchImage", absl::NotFoundError("no such image"));
  Begin("docker.io/library/alpine:latest");
  Begin("docker.io/library/alpine:latest");
  ASSERT_TRUE(loop_.RunUntil([this] { return engine_.CountCalls("FetchImage") == 1; }));
  engine_.Release("FetchImage");
  ASSERT_TRUE(Ends(2));
  for (const auto& id : ids_) {
    EXPECT_THAT(id, StatusIs(absl::StatusCode::kNotFound, _));
  }
  Begin("docker.io/library/alpine:latest");
  ASSERT_TRUE(Ends(3));
  EXPECT_THAT(ids_.back(), IsOk());
}

}  // namespace
}  // namespace rktlet::engine
