// SPDX-License-Identifier: Apache-2.0
// A non-blocking pipe, terminal or socket on the loop. It reads and writes at once where that goes and waits only where
// it does not, so that an idle one costs no buffer.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <span>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {

// Until it is looked again whether somebody has opened a terminal that nobody has open.
inline constexpr std::chrono::milliseconds kTerminalPause(100);

class Descriptor {
 public:
  explicit Descriptor(const boost::asio::any_io_executor& executor) : descriptor_(executor) {}

  // Takes over `fd`; an invalid one leaves it closed.
  absl::Status Open(base::UniqueFd fd);
  bool is_open() const { return descriptor_.is_open(); }
  int fd() { return descriptor_.native_handle(); }

  // What can be read now without waiting: the size, 0 at the end, Unavailable when there is nothing yet, Aborted when
  // nobody has the terminal open, which may change (but WaitReadable does not wait for that).
  absl::StatusOr<size_t> TryRead(std::span<char> buffer);
  // Cancelled when it was closed meanwhile.
  Awaitable<absl::Status> WaitReadable();
  // All of `data`. Cancelled when it was closed meanwhile; FailedPrecondition when nobody reads the other end any more.
  Awaitable<absl::Status> Write(std::string_view data);

  // Pending operations return Cancelled.
  void Close();

 private:
  Awaitable<absl::Status> WaitFor(boost::asio::posix::descriptor_base::wait_type type);

  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace rktlet::streaming
