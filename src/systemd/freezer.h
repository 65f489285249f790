// SPDX-License-Identifier: Apache-2.0
// The part of systemd that stops a unit's processes where they are. Apart from the Manager, since only checkpoints need
// it; whoever is the one is the other too.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "base/status.h"
#include "systemd/unit_name.h"

namespace rktlet::systemd {

class Freezer {
 public:
  template <typename T>
  using awaitable = boost::asio::awaitable<T>;

  virtual ~Freezer() = default;

  // Stops every process of the unit where it is, and lets them all go on. Each returns when that is so; a unit that is
  // frozen or runs already is OK. NotFound: no such unit. Unimplemented: systemd freezes on cgroup v2 alone.
  virtual awaitable<absl::Status> FreezeUnit(UnitName unit, std::chrono::milliseconds timeout) = 0;
  virtual awaitable<absl::Status> ThawUnit(UnitName unit, std::chrono::milliseconds timeout) = 0;
};

}  // namespace rktlet::systemd
