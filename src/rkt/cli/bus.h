// SPDX-License-Identifier: Apache-2.0
// One conversation of a command with systemd: connects, runs a coroutine to its end, and leaves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "base/status.h"
#include "systemd/freezer.h"
#include "systemd/manager.h"

namespace rkt::cli {

// Runs what `talk` returns on an event loop of its own. Unavailable, with a sentence, when there is no systemd to talk
// to.
absl::Status RunOnBus(const std::function<boost::asio::awaitable<absl::Status>(rktlet::systemd::Manager&)>& talk);

// The same, for what freezes units.
absl::Status RunFreezing(const std::function<boost::asio::awaitable<absl::Status>(rktlet::systemd::Freezer&)>& talk);

}  // namespace rkt::cli
