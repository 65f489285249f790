// SPDX-License-Identifier: Apache-2.0
// Time, behind an interface so that tests can set it.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace rktlet::base {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t RealtimeNanos() const = 0;   // since the Unix epoch, as CRI's timestamps
  virtual int64_t MonotonicNanos() const = 0;  // CLOCK_MONOTONIC, as systemd's *Monotonic properties (those in µs)
};

class SystemClock final : public Clock {
 public:
  int64_t RealtimeNanos() const override;
  int64_t MonotonicNanos() const override;
};

class FakeClock final : public Clock {
 public:
  int64_t RealtimeNanos() const override { return realtime_nanos; }
  int64_t MonotonicNanos() const override { return monotonic_nanos; }

  int64_t realtime_nanos = 1'700'000'000'000'000'000;
  int64_t monotonic_nanos = 1'000'000'000;
};

// The id of this boot, /proc/sys/kernel/random/boot_id without dashes: records made in another boot describe processes
// that are gone.
absl::StatusOr<std::string> BootId();

}  // namespace rktlet::base
