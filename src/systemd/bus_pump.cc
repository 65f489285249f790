// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_pump.h"

#include <fcntl.h>
#include <poll.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/strings.h"
#include "base/unique_fd.h"
#include "systemd/sdbus.h"

namespace rktlet::systemd {
namespace {

// Messages processed in one go before other work of the loop gets a turn.
constexpr int kMessagesPerTurn = 128;

using Descriptor = boost::asio::posix::stream_descriptor;

}  // namespace

BusPump::BusPump(const boost::asio::any_io_executor& executor, sdbus::IConnection& connection,
                 std::function<void()> on_turn, std::function<void(absl::Status)> on_lost)
    : descriptor_(executor),
      timer_(executor),
      connection_(&connection),
      on_turn_(std::move(on_turn)),
      on_lost_(std::move(on_lost)) {}

absl::Status BusPump::Start() {
  try {
    // A duplicate, because asio closes what it is given and the connection closes its own.
    const int fd = fcntl(connection_->getEventLoopPollData().fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
      return base::ErrnoStatus(errno, "bus descriptor");
    }
    descriptor_.assign(fd);
  } catch (const sdbus::Error& error) {
    return absl::UnavailableError(error.getMessage());
  }
  Rearm();
  return absl::OkStatus();
}

void BusPump::Stop() {
  connection_ = nullptr;
  on_turn_ = nullptr;
  on_lost_ = nullptr;
  if (descriptor_.is_open()) {
    // The connection may keep its own for a while: what is only closed would stay in the epoll set.
    const base::UniqueFd out_of_the_set(descriptor_.release());
  }
  timer_.cancel();
}

void BusPump::Rearm() {
  if (connection_ == nullptr) {
    return;
  }
  sdbus::IConnection::PollData poll{};
  try {
    poll = connection_->getEventLoopPollData();
  } catch (const sdbus::Error& error) {
    // Not from inside the caller, who is in the middle of a call.
    boost::asio::post(timer_.get_executor(), [self = shared_from_this(), message = error.getMessage()] {
      self->Lost(absl::UnavailableError(message));
    });
    return;
  }
  if ((poll.events & POLLIN) != 0 && !std::exchange(reading_, true)) {
    descriptor_.async_wait(Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
      self->reading_ = false;
      if (!error) {
        self->Turn();
      }
    });
  }
  if ((poll.events & POLLOUT) != 0 && !std::exchange(writing_, true)) {
    descriptor_.async_wait(Descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
      self->writing_ = false;
      if (!error) {
        self->Turn();
      }
    });
  }
  const uint64_t deadline = bus::DeadlineOf(poll);
  if (deadline == armed_deadline_) {
    return;
  }
  armed_deadline_ = deadline;
  timer_.cancel();
  if (deadline != bus::kNoDeadline) {
    // steady_clock reads CLOCK_MONOTONIC.
    timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::microseconds(deadline)));
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) {
        self->armed_deadline_ = bus::kNoDeadline;
        self->Turn();
      }
    });
  }
}

void BusPump::RequestTurn() {
  boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
    if (self->connection_ != nullptr) {
      self->Turn();
    }
  });
}

void BusPump::Turn() {
  const auto self = shared_from_this();  // callbacks may drop the owner
  absl::Status status;
  bool more = false;
  try {
    for (int i = 0; i < kMessagesPerTurn && connection_ != nullptr; ++i) {
      more = bus::Process(*connection_);
      if (!more) {
        break;
      }
    }
  } catch (const sdbus::Error& error) {
    status = absl::UnavailableError(error.getMessage());
  }
  if (const auto on_turn = on_turn_; on_turn) {
    on_turn();
  }
  if (!status.ok()) {
    Lost(status);
  } else if (more) {
    RequestTurn();
  } else {
    Rearm();
  }
}

void BusPump::Lost(const absl::Status& status) {
  if (connection_ == nullptr) {
    return;
  }
  const auto on_lost = std::move(on_lost_);
  Stop();
  on_lost(status);
}

}  // namespace rktlet::systemd
