// SPDX-License-Identifier: Apache-2.0
// Server streams over a real socket: parts, backpressure, a caller that goes away, the daemon's end.
#include <set>

#include "rktlet/cri/server_fixture.h"
#include "rktlet/cri/sink.h"

namespace rktlet::cri {
namespace {

using testing::IsEmpty;

constexpr size_t kDefaultOfClients = size_t{4} << 20;

class StreamTest : public ServerTest {
 protected:
  // More than flow control lets through to a reader who does not read.
  void AddImages(int count, size_t bytes_each) {
    OnLoop([&] {
      for (int i = 0; i < count; ++i) {
        engine_.images.push_back({.id = "sha256:" + std::to_string(i), .tags = {std::string(bytes_each, 'x')}});
      }
    });
    ASSERT_THAT(asio::co_spawn(loop_, images_.Refresh(), asio::use_future).get(), base::IsOk());
  }
};

TEST_F(StreamTest, AListOfAnyLengthComesInMessagesThatEveryClientTakes) {
  AddImages(150, 50'000);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = images_stub_->StreamImages(&context, v1::StreamImagesRequest());
  std::set<std::string> seen;
  size_t messages = 0;
  for (v1::StreamImagesResponse part; stream->Read(&part); ++messages) {
    EXPECT_LE(part.ByteSizeLong(), kDefaultOfClients);
    for (const v1::Image& image : part.images()) {
      EXPECT_TRUE(seen.insert(image.id()).second) << image.id() << " twice";
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(seen.size(), 150U);
  EXPECT_GT(messages, 5U);
  EXPECT_LT(messages, 15U);
}

TEST_F(StreamTest, AnEmptyListIsAnEmptyStream) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = images_stub_->StreamImages(&context, v1::StreamImagesRequest());
  v1::StreamImagesResponse part;
  EXPECT_FALSE(stream->Read(&part));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AStreamHasTheFilterOfTheList) {
  AddImages(3, 10);
  OnLoop([this] { engine_.images[1].tags = {"docker.io/library/busybox:latest"}; });
  ASSERT_THAT(asio::co_spawn(loop_, images_.Refresh(), asio::use_future).get(), base::IsOk());
  v1::StreamImagesRequest request;
  request.mutable_filter()->mutable_image()->set_image("busybox");
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = images_stub_->StreamImages(&context, request);
  v1::StreamImagesResponse part;
  ASSERT_TRUE(stream->Read(&part));
  ASSERT_EQ(part.images_size(), 1);
  EXPECT_EQ(part.images(0).id(), "sha256:1");
  EXPECT_FALSE(stream->Read(&part));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AReaderWhoStopsReadingHoldsUpNobodyElse) {
  AddImages(150, 60'000);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = images_stub_->StreamImages(&context, v1::StreamImagesRequest());
  v1::StreamImagesResponse part;
  ASSERT_TRUE(stream->Read(&part));
  v1::VersionResponse response;
  EXPECT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::Version, v1::VersionRequest(), response).ok());
  int images = part.images_size();
  while (stream->Read(&part)) {
    images += part.images_size();
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(images, 150);
}

TEST_F(StreamTest, ACallerThatGoesAwayEndsItsStream) {
  AddImages(150, 60'000);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = images_stub_->StreamImages(&context, v1::StreamImagesRequest());
  v1::StreamImagesResponse part;
  ASSERT_TRUE(stream->Read(&part));
  context.TryCancel();
  while (stream->Read(&part)) {
  }
  EXPECT_THAT(stream->Finish(), IsGrpc(grpc::StatusCode::CANCELLED, testing::_));
  Stop();  // would wait for a call that nobody ends
}

TEST_F(StreamTest, AStreamThatNobodyReadsEndsWithTheDaemon) {
  AddImages(150, 60'000);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = images_stub_->StreamImages(&context, v1::StreamImagesRequest());
  v1::StreamImagesResponse part;
  ASSERT_TRUE(stream->Read(&part));
  Stop();
  while (stream->Read(&part)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

// A sink that takes what it gets, up to a number of messages.
class Parts final : public Sink<v1::StreamImagesResponse> {
 public:
  explicit Parts(size_t limit = 1000) : limit_(limit) {}
  void Begin() override {}
  asio::awaitable<bool> Write(std::shared_ptr<const v1::StreamImagesResponse> message) override {
    if (sizes.size() == limit_) {
      co_return false;
    }
    sizes.push_back(message->images_size());
    co_return true;
  }
  std::vector<int> sizes;

 private:
  size_t limit_;
};

absl::Status Send(Sink<v1::StreamImagesResponse>& sink, v1::ListImagesResponse& list, size_t part_bytes) {
  asio::io_context loop;
  auto sent = asio::co_spawn(
      loop, SendInParts(sink, *list.mutable_images(), &v1::StreamImagesResponse::mutable_images, part_bytes),
      asio::use_future);
  loop.run();
  return sent.get();
}

TEST(SendInParts, FillsEachPartAndSendsWhatIsLargerThanAPartAlone) {
  v1::ListImagesResponse list;
  for (const size_t size : {30, 30, 200, 30, 30, 30, 30}) {
    list.add_images()->set_id(std::string(size, 'x'));
  }
  Parts sink;
  EXPECT_THAT(Send(sink, list, 120), base::IsOk());
  EXPECT_THAT(sink.sizes, testing::ElementsAre(2, 1, 3, 1));
  v1::ListImagesResponse none;
  Parts empty;
  EXPECT_THAT(Send(empty, none, 120), base::IsOk());
  EXPECT_THAT(empty.sizes, IsEmpty());
}

TEST(SendInParts, StopsWhenNobodyWantsMore) {
  v1::ListImagesResponse list;
  for (int i = 0; i < 10; ++i) {
    list.add_images()->set_id(std::string(100, 'x'));
  }
  Parts sink(2);
  EXPECT_THAT(Send(sink, list, 120), base::StatusCodeIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(sink.sizes.size(), 2U);
}

}  // namespace
}  // namespace rktlet::cri
