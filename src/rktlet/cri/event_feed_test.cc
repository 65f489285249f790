// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/event_feed.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "base/status_matchers.h"
#include "rktlet/cri/server_fixture.h"

namespace rktlet::cri {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

EventFeed::Message Event(const std::string& id, size_t annotation_bytes = 0, int64_t at = 0) {
  auto event = std::make_shared<v1::ContainerEventResponse>();
  event->set_container_id(id);
  event->set_created_at(at);
  (*event->mutable_pod_sandbox_status()->mutable_annotations())["a"] = std::string(annotation_bytes, 'x');
  return event;
}

class Feed : public testing::Test {
 protected:
  void Publish(const std::string& id) { feed_.Publish(++sequence_, Event(id, 0, clock_.realtime_nanos)); }

  // What the reader has next, if it has anything.
  std::optional<absl::StatusOr<std::string>> Next(EventFeed::Subscription& reader) {
    std::optional<absl::StatusOr<std::string>> result;
    asio::co_spawn(loop_, reader.Next(), [&](std::exception_ptr, absl::StatusOr<EventFeed::Message> event) {
      result = event.ok() ? absl::StatusOr<std::string>((*event)->container_id()) : event.status();
    });
    loop_.restart();
    loop_.poll();
    if (!result.has_value()) {
      reader.Cancel();  // the coroutine ends with the test
      loop_.restart();
      loop_.poll();
      return std::nullopt;
    }
    return result;
  }

  std::vector<std::string> All(EventFeed::Subscription& reader) {
    std::vector<std::string> ids;
    for (auto next = Next(reader); next.has_value() && next->ok(); next = Next(reader)) {
      ids.push_back(**next);
    }
    return ids;
  }

  asio::io_context loop_;
  base::FakeClock clock_;
  uint64_t sequence_ = 0;
  uint64_t acknowledged_ = 0;
  EventFeed feed_{clock_, [this](uint64_t sequence) { acknowledged_ = sequence; },
                  FeedLimits{.events = 4, .bytes = 10'000, .missed_age = std::chrono::minutes(5)}};
};

TEST_F(Feed, EveryReaderGetsEveryEventInOrder) {
  EventFeed::Subscription one(feed_, loop_.get_executor());
  EventFeed::Subscription other(feed_, loop_.get_executor());
  Publish("a");
  Publish("b");
  EXPECT_THAT(All(one), ElementsAre("a", "b"));
  EXPECT_THAT(All(other), ElementsAre("a", "b"));
}

TEST_F(Feed, AReaderThatIsTooSlowGetsWhatTheBufferHoldsAndIsToldThatTheRestIsMissing) {
  EventFeed::Subscription slow(feed_, loop_.get_executor());
  for (const char* id : {"1", "2", "3", "4", "5", "6"}) {
    Publish(id);
  }
  for (const char* id : {"1", "2", "3", "4"}) {
    const auto next = Next(slow);
    ASSERT_TRUE(next.has_value() && next->ok());
    EXPECT_EQ(**next, id);
  }
  const auto end = Next(slow);
  ASSERT_TRUE(end.has_value());
  EXPECT_THAT(*end, StatusCodeIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(std::string(end->status().message()), HasSubstr("ask for events again"));
}

TEST_F(Feed, TheBufferIsBoundedInBytesToo) {
  EventFeed::Subscription slow(feed_, loop_.get_executor());
  feed_.Publish(1, Event("1", 6'000));
  feed_.Publish(2, Event("2", 6'000));
  EXPECT_THAT(**Next(slow), "1");
  EXPECT_THAT(*Next(slow), StatusCodeIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(Feed, WhatHappensWhileNobodyReadsWaitsForTheNextReaders) {
  Publish("a");
  Publish("b");
  {
    EventFeed::Subscription first(feed_, loop_.get_executor());
    EXPECT_THAT(All(first), ElementsAre("a", "b"));
  }
  EventFeed::Subscription second(feed_, loop_.get_executor());
  Publish("c");
  EXPECT_THAT(All(second), ElementsAre("a", "b", "c"));
}

TEST_F(Feed, WhatNobodyAsksForInTimeIsForgotten) {
  Publish("a");
  clock_.realtime_nanos += 301'000'000'000;
  Publish("b");
  EventFeed::Subscription reader(feed_, loop_.get_executor());
  EXPECT_THAT(All(reader), ElementsAre("b"));
}

TEST_F(Feed, WhatALeavingReaderHasNotTakenWaitsForTheNextOne) {
  {
    EventFeed::Subscription leaving(feed_, loop_.get_executor());
    Publish("a");
    Publish("b");
    Publish("c");
    EXPECT_THAT(**Next(leaving), "a");
    EXPECT_THAT(**Next(leaving), "b");
  }
  EXPECT_EQ(acknowledged_, 1U);
  EventFeed::Subscription next(feed_, loop_.get_executor());
  EXPECT_THAT(All(next), ElementsAre("b", "c"));
}

TEST_F(Feed, AnEventCountsAsToldWhenItHasLeftForEveryReader) {
  EventFeed::Subscription one(feed_, loop_.get_executor());
  EventFeed::Subscription other(feed_, loop_.get_executor());
  Publish("a");
  Publish("b");
  All(one);
  EXPECT_EQ(acknowledged_, 0U);
  Next(other);
  EXPECT_EQ(acknowledged_, 0U);
  Next(other);
  EXPECT_EQ(acknowledged_, 1U);
}

TEST_F(Feed, WithoutAReaderAnEventStaysUntoldUntilItIsForgotten) {
  Publish("a");
  EXPECT_EQ(acknowledged_, 0U);
  clock_.realtime_nanos += 301'000'000'000;
  Publish("b");
  EXPECT_EQ(acknowledged_, 1U);
}

TEST_F(Feed, AReaderMayOutliveTheFeed) {
  auto feed = std::make_unique<EventFeed>(clock_, [](uint64_t) {});
  EventFeed::Subscription reader(*feed, loop_.get_executor());
  feed->Publish(1, Event("a"));
  feed.reset();
}

class EventsTest : public ServerTest {
 protected:
  std::unique_ptr<grpc::ClientReader<v1::ContainerEventResponse>> Listen(grpc::ClientContext& context) {
    context.set_wait_for_ready(true);
    auto stream = runtime_->GetContainerEvents(&context, v1::GetEventsRequest());
    stream->WaitForInitialMetadata();  // from now on nothing is missed
    return stream;
  }
};

TEST_F(EventsTest, ASubscriberHearsWhatHappensFromThenOn) {
  grpc::ClientContext context;
  auto stream = Listen(context);
  EXPECT_EQ(OnLoop([this] { return events_.subscriptions(); }), 1U);
  OnLoop([this] {
    events_.Publish(1, Event("a"));
    events_.Publish(2, Event("b"));
  });
  v1::ContainerEventResponse event;
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.container_id(), "a");
  ASSERT_TRUE(stream->Read(&event));
  EXPECT_EQ(event.container_id(), "b");
  context.TryCancel();
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_THAT(stream->Finish(), IsGrpc(grpc::StatusCode::CANCELLED, testing::_));
  EXPECT_TRUE(Eventually([this] { return events_.subscriptions() == 0; }));
}

TEST_F(EventsTest, ASubscriberThatDoesNotReadIsCutOffWithASentence) {
  grpc::ClientContext context;
  auto stream = Listen(context);
  OnLoop([this] {
    for (uint64_t i = 1; i <= 2000; ++i) {
      events_.Publish(i, Event("a", 1000));
    }
  });
  size_t read = 0;
  v1::ContainerEventResponse event;
  while (stream->Read(&event)) {
    ++read;
  }
  EXPECT_THAT(stream->Finish(), IsGrpc(grpc::StatusCode::RESOURCE_EXHAUSTED, HasSubstr("faster than they were read")));
  EXPECT_GE(read, 1024U);
  EXPECT_LT(read, 2000U);
}

TEST_F(EventsTest, TheDaemonsEndIsTheStreamsEnd) {
  grpc::ClientContext context;
  auto stream = Listen(context);
  Stop();
  v1::ContainerEventResponse event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_THAT(stream->Finish(), IsGrpc(grpc::StatusCode::UNAVAILABLE, HasSubstr("stopping")));
}

}  // namespace
}  // namespace rktlet::cri
