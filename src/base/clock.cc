// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/files.h"

namespace rktlet::base {
namespace {

int64_t Nanos(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t SystemClock::RealtimeNanos() const { return Nanos(CLOCK_REALTIME); }
int64_t SystemClock::MonotonicNanos() const { return Nanos(CLOCK_MONOTONIC); }

absl::StatusOr<std::string> BootId() {
  ASSIGN_OR_RETURN(const std::string text, ReadFile("/proc/sys/kernel/random/boot_id"));
  return absl::StrReplaceAll(absl::StripSuffix(text, "\n"), {{"-", ""}});
}

}  // namespace rktlet::base
