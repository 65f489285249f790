// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/event_feed.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/strings.h"
#include "rktlet/cri/status_to_cri.h"

namespace rktlet::cri {

namespace v1 = ::runtime::v1;

void EventFeed::Publish(uint64_t sequence, Message event) {
  last_ = sequence;
  if (!subscriptions_.empty()) {
    for (Subscription* subscription : subscriptions_) {
      subscription->Push(sequence, event);
    }
    return;
  }
  Keep(sequence, std::move(event));
  DropOldMissed();
}

EventFeed::~EventFeed() {
  for (Subscription* subscription : subscriptions_) {
    subscription->feed_ = nullptr;
  }
}

void EventFeed::Keep(uint64_t sequence, Message event) {
  if (missed_.empty() || sequence > missed_.back().sequence) {
    missed_bytes_ += event->ByteSizeLong();
    const int64_t at = event->created_at();
    missed_.push_back({sequence, at, std::move(event)});
  }
}

void EventFeed::DropOldMissed() {
  const int64_t oldest = clock_.RealtimeNanos() - limits_.missed_age.count();
  while (!missed_.empty() &&
         (missed_.front().at < oldest || missed_.size() > limits_.events || missed_bytes_ > limits_.bytes)) {
    missed_bytes_ -= missed_.front().event->ByteSizeLong();
    missed_.pop_front();
  }
  AcknowledgePassed();
}

// Whoever is slowest decides. Without any reader what was missed stays open until it is too old to matter.
void EventFeed::AcknowledgePassed() {
  uint64_t passed = last_;
  if (subscriptions_.empty() && !missed_.empty()) {
    passed = std::max(acknowledged_, missed_.front().sequence - 1);
  }
  for (const Subscription* subscription : subscriptions_) {
    passed = std::min(passed, subscription->passed());
  }
  if (passed > acknowledged_) {
    acknowledged_ = passed;
    acknowledge_(passed);
  }
}

EventFeed::Subscription::Subscription(EventFeed& feed, boost::asio::any_io_executor executor)
    : feed_(&feed), news_(executor, boost::asio::steady_timer::time_point::max()) {
  feed.DropOldMissed();
  for (const Missed& missed : feed.missed_) {
    Push(missed.sequence, missed.event);
  }
  feed.subscriptions_.insert(this);
}

// What the last reader has not taken is missed.
EventFeed::Subscription::~Subscription() {
  if (feed_ == nullptr) {
    return;
  }
  feed_->subscriptions_.erase(this);
  if (feed_->subscriptions_.empty() && !overflowed_) {
    if (in_hand_.has_value()) {
      feed_->Keep(in_hand_->first, in_hand_->second);
    }
    for (auto& [sequence, event] : waiting_) {
      feed_->Keep(sequence, event);
    }
  }
  feed_->DropOldMissed();
}

void EventFeed::Subscription::Push(uint64_t sequence, const Message& event) {
  const size_t size = event->ByteSizeLong();
  if (overflowed_ || waiting_.size() >= feed_->limits_.events || bytes_ + size > feed_->limits_.bytes) {
    overflowed_ = true;
  } else {
    bytes_ += size;
    waiting_.emplace_back(sequence, event);
  }
  news_.cancel();
}

uint64_t EventFeed::Subscription::passed() const {
  if (in_hand_.has_value()) {
    return in_hand_->first - 1;
  }
  // One that misses something will list everything anew.
  return waiting_.empty() || overflowed_ ? feed_->last_ : waiting_.front().first - 1;
}

boost::asio::awaitable<absl::StatusOr<EventFeed::Message>> EventFeed::Subscription::Next() {
  if (in_hand_.has_value()) {
    in_hand_.reset();
    feed_->AcknowledgePassed();
  }
  while (waiting_.empty() && !overflowed_ && !cancelled_) {
    boost::system::error_code ignored;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    co_await news_.async_wait(token);
  }
  if (cancelled_) {
    co_return absl::CancelledError("the caller has gone");
  }
  if (waiting_.empty()) {
    co_return absl::ResourceExhaustedError(
        base::StrCat("events came faster than they were read and more than ", feed_->limits_.events, " of them or ",
                     feed_->limits_.bytes >> 20,
                     " MiB were waiting; later ones are missing: list pods and containers, then ask for events again"));
  }
  in_hand_ = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= in_hand_->second->ByteSizeLong();
  co_return in_hand_->second;
}

void EventFeed::Subscription::Cancel() {
  cancelled_ = true;
  news_.cancel();
}

EventFeed::Message EventToCri(const pods::Change& change) {
  auto event = std::make_shared<v1::ContainerEventResponse>();
  event->set_container_id(change.container.has_value() ? change.container->str() : change.pod_id.str());
  switch (change.kind) {
    case pods::ChangeKind::kCreated:
      event->set_container_event_type(v1::CONTAINER_CREATED_EVENT);
      break;
    case pods::ChangeKind::kStarted:
      event->set_container_event_type(v1::CONTAINER_STARTED_EVENT);
      break;
    case pods::ChangeKind::kStopped:
      event->set_container_event_type(v1::CONTAINER_STOPPED_EVENT);
      break;
    case pods::ChangeKind::kDeleted:
      event->set_container_event_type(v1::CONTAINER_DELETED_EVENT);
      break;
  }
  event->set_created_at(change.at);
  if (change.pod != nullptr) {
    *event->mutable_pod_sandbox_status() = PodStatusToCri(*change.pod);
    for (const auto& [id, container] : change.pod->containers) {
      *event->add_containers_statuses() = ContainerStatusToCri(*container);
    }
  }
  return event;
}

}  // namespace rktlet::cri
