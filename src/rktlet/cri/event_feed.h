// SPDX-License-Identifier: Apache-2.0
// Events on their way to those who asked for them: one buffer each, bounded, so that a slow reader costs memory only up
// to there and is told when it misses something. What happens while nobody listens is kept for a while, and every new
// reader begins with it. Loop thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "rktlet/pods/events.h"

namespace rktlet::cri {

struct FeedLimits {
  size_t events = 1024;
  size_t bytes = size_t{8} << 20;
  std::chrono::nanoseconds missed_age = std::chrono::minutes(5);
};

class EventFeed {
 public:
  using Message = std::shared_ptr<const runtime::v1::ContainerEventResponse>;
  // Called with the number of an event once it and all before it have left for everybody.
  using Acknowledge = std::function<void(uint64_t)>;

  EventFeed(const base::Clock& clock, Acknowledge acknowledge, FeedLimits limits = {})
      : clock_(clock), acknowledge_(std::move(acknowledge)), limits_(limits) {}
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;
  ~EventFeed();

  // Numbers go up.
  void Publish(uint64_t sequence, Message event);

  // One reader's place.
  class Subscription {
   public:
    Subscription(EventFeed& feed, boost::asio::any_io_executor executor);
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription();

    // The next event, when there is one; asking for it says that the one before has left. ResourceExhausted, after what
    // the buffer still holds, when the reader was too slow; Cancelled after Cancel().
    boost::asio::awaitable<absl::StatusOr<Message>> Next();
    void Cancel();

   private:
    friend class EventFeed;
    void Push(uint64_t sequence, const Message& event);
    // The last event that has left; what waits has not.
    uint64_t passed() const;

    using Entry = std::pair<uint64_t, Message>;

    EventFeed* feed_;  // nullptr when the feed has ended
    boost::asio::steady_timer news_;
    std::deque<Entry> waiting_;
    size_t bytes_ = 0;
    std::optional<Entry> in_hand_;  // on its way
    bool overflowed_ = false;
    bool cancelled_ = false;
  };

  // Lets go of what was missed too long ago. Every call from outside does so too.
  void DropOldMissed();

  size_t subscriptions() const { return subscriptions_.size(); }

 private:
  struct Missed {
    uint64_t sequence;
    int64_t at;
    Message event;
  };

  void Keep(uint64_t sequence, Message event);
  void AcknowledgePassed();

  const base::Clock& clock_;
  Acknowledge acknowledge_;
  const FeedLimits limits_;
  std::set<Subscription*> subscriptions_;
  std::deque<Missed> missed_;
  size_t missed_bytes_ = 0;
  uint64_t last_ = 0;  // that was published
  uint64_t acknowledged_ = 0;
};

// A change as CRI tells it, with the pod's status as it is now.
EventFeed::Message EventToCri(const pods::Change& change);

}  // namespace rktlet::cri
