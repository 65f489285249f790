// SPDX-License-Identifier: Apache-2.0
// What the protocols offer to the sessions: channels of bytes between us and a client, and the connection that they
// share. A session (exec, attach, one forwarded port) knows only these; WebSocket channels and SPDY streams implement
// them. Loop thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "base/status.h"

namespace rktlet::streaming {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;

// Bytes both ways, where each direction ends on its own. One coroutine at a time may read it, another one write it;
// both must have returned before it is destroyed.
class Stream {
 public:
  virtual ~Stream() = default;

  // Waits for bytes from the client and puts what there is, up to the size of `buffer`, into it. 0: the client has
  // ended its direction. Cancelled after CancelRead(); Unavailable when the stream or the connection is gone. A client
  // sends only as far as it is read: what is not read is what holds it back.
  virtual Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) = 0;

  // Returns when the transport has taken all of `data`, which is as fast as the client takes it. Unavailable when the
  // stream or the connection is gone.
  virtual Awaitable<absl::Status> Write(std::string_view data) = 0;

  // Ends our direction: nothing is written afterwards. Where a protocol cannot say so (WebSocket channels) the other
  // direction ends as well: Read returns Unavailable.
  virtual Awaitable<void> CloseWrite() = 0;

  // The pending Read and later ones return Cancelled. The client is told nothing; what it still sends is dropped.
  virtual void CancelRead() = 0;
};

// What the streams of one client travel over.
class Connection {
 public:
  virtual ~Connection() = default;

  // `action` runs once on the loop, soon after the client has gone or the connection was aborted (at once if that has
  // happened already); nullptr takes it back. Reads and Writes of all streams fail then as well.
  virtual void OnClosed(std::function<void()> action) = 0;

  // The end at once, without a word: for clients that have stalled.
  virtual void Abort() = 0;
};

}  // namespace rktlet::streaming
