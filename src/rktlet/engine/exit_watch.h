// SPDX-License-Identifier: Apache-2.0
// Tells on the loop that a child process has ended. The process stays unreaped: that is its owner's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

#include "base/pid_fd.h"
#include "base/status.h"

namespace rktlet::engine {

class ExitWatch {
 public:
  explicit ExitWatch(const boost::asio::any_io_executor& executor) : descriptor_(executor) {}

  // `ended` runs once, on the loop, when `child` has ended. It keeps this object and `child` alive until then.
  absl::Status Watch(const base::PidFd& child, std::function<void()> ended);

 private:
  void Wait(std::function<void()> ended);

  boost::asio::posix::stream_descriptor descriptor_;
  const base::PidFd* child_ = nullptr;
};

}  // namespace rktlet::engine
