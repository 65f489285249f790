// SPDX-License-Identifier: Apache-2.0
// Where the coroutine of a streaming rpc puts its messages, and how a list is sent in parts. Loop thread only.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <utility>

#include "base/status.h"

namespace rktlet::cri {

using StreamEnd = boost::asio::awaitable<absl::Status>;

template <typename Response>
class Sink {
 public:
  virtual ~Sink() = default;

  // Tells the caller that the stream stands, long before a first message perhaps.
  virtual void Begin() = 0;

  // Returns when the message has left for the caller: true. False when nobody wants another one, because the caller has
  // gone, its time is up or the daemon ends. One Write() at a time.
  virtual boost::asio::awaitable<bool> Write(std::shared_ptr<const Response> message) = 0;
};

// A quarter of what clients of gRPC take by default. A single item may be larger.
inline constexpr size_t kPartBytes = size_t{1} << 20;

// Sends `items`, emptying them, in messages of about `part_bytes`; none when there are no items.
template <typename Response, typename Item>
StreamEnd SendInParts(Sink<Response>& sink, google::protobuf::RepeatedPtrField<Item>& items,
                      google::protobuf::RepeatedPtrField<Item>* (Response::*field)(), size_t part_bytes = kPartBytes) {
  constexpr size_t kFraming = 6;  // tag and length of one item
  int next = 0;
  while (next < items.size()) {
    auto part = std::make_shared<Response>();
    size_t size = 0;
    while (next < items.size()) {
      const size_t more = items.Get(next).ByteSizeLong() + kFraming;
      if (size != 0 && size + more > part_bytes) {
        break;
      }
      size += more;
      *((*part).*field)()->Add() = std::move(*items.Mutable(next++));
    }
    std::shared_ptr<const Response> message = std::move(part);
    const bool taken = co_await sink.Write(std::move(message));
    if (!taken) {
      co_return absl::CancelledError("the caller has gone");
    }
  }
  co_return absl::OkStatus();
}

}  // namespace rktlet::cri
