// SPDX-License-Identifier: Apache-2.0
// The CRI's unix socket: systemd's or one of our own, and the connections that come in on it, of root only. Loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rktlet::cri {

// A listening socket at `path`, mode 0600, its directory made when missing. A socket file that nobody listens on is
// replaced; AlreadyExists when somebody does.
absl::StatusOr<base::UniqueFd> ListenAt(const std::string& path);

class Listener {
 public:
  using OnConnection = std::function<void(base::UniqueFd)>;

  // Every connection of root (or of our own user, for tests without root) goes to `on_connection`, non-blocking; others
  // are closed.
  Listener(boost::asio::any_io_executor executor, base::UniqueFd socket, OnConnection on_connection);
  ~Listener() { Stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // No connection after this; those that wait stay in the queue for who listens next.
  void Stop();

 private:
  void Wait();
  void AcceptAll();

  std::shared_ptr<bool> stopped_ = std::make_shared<bool>(false);  // handlers may outlive this
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer pause_;
  OnConnection on_connection_;
};

}  // namespace rktlet::cri
