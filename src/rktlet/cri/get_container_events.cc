// SPDX-License-Identifier: Apache-2.0
// Endless: until the caller goes, the daemon ends, or the caller reads too slowly.
#include "rktlet/cri/event_feed.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd GetContainerEvents(Context& context, engine::Cancellation cancelled, const v1::GetEventsRequest& /*request*/,
                             Sink<v1::ContainerEventResponse>& sink) {
  EventFeed::Subscription subscription(*context.events, context.loop.get_executor());
  cancelled.SetAction([&subscription] { subscription.Cancel(); });
  sink.Begin();
  absl::Status end;
  while (end.ok()) {
    auto event = co_await subscription.Next();
    end = event.status();
    if (event.ok()) {
      const bool taken = co_await sink.Write(*std::move(event));
      end = taken ? absl::OkStatus() : absl::CancelledError("the caller has gone");
    }
  }
  cancelled.SetAction(nullptr);
  co_return end;
}

}  // namespace rktlet::cri
