// SPDX-License-Identifier: Apache-2.0
// Signals by name, as images (STOPSIGNAL), CRI and people write them. Declared in container_spec.h.
#include <csignal>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/strings.h"
#include "spec/container_spec.h"

namespace rktlet::spec {
namespace {

// Real-time signals as the kernel numbers them: glibc keeps 32 and 33 for itself, so its SIGRTMIN is 34, and containers
// of every libc mean that.
constexpr int kRtMin = 34;
constexpr int kRtMax = 64;

struct Alias {
  const char* name;
  int signal;
};
constexpr Alias kAliases[] = {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"POLL", SIGIO}, {"IO", SIGIO}, {"UNUSED", SIGSYS}};

int RealTimeSignal(absl::string_view name) {
  int offset = 0;
  if (name == "RTMIN") {
    return kRtMin;
  }
  if (name == "RTMAX") {
    return kRtMax;
  }
  if (absl::ConsumePrefix(&name, "RTMIN+") && absl::SimpleAtoi(name, &offset) && offset >= 0) {
    return kRtMin + offset;
  }
  if (absl::ConsumePrefix(&name, "RTMAX-") && absl::SimpleAtoi(name, &offset) && offset >= 0) {
    return kRtMax - offset;
  }
  return 0;
}

}  // namespace

absl::StatusOr<int> SignalNumber(const std::string& name) {
  int number = 0;
  if (!absl::SimpleAtoi(name, &number)) {
    absl::string_view bare = name;
    absl::ConsumePrefix(&bare, "SIG");
    number = RealTimeSignal(bare);
    for (int signal = 1; number == 0 && signal < 32; ++signal) {
      const char* abbreviation = ::sigabbrev_np(signal);
      if (abbreviation != nullptr && bare == abbreviation) {
        number = signal;
      }
    }
    for (const Alias& alias : kAliases) {
      if (number == 0 && bare == alias.name) {
        number = alias.signal;
      }
    }
  }
  if (number < 1 || number > kRtMax || number == 32 || number == 33) {
    return absl::InvalidArgumentError(base::StrCat("\"", name, "\" is no signal"));
  }
  return number;
}

std::string SignalName(int signal) {
  if (signal >= kRtMin && signal <= kRtMax) {
    return signal == kRtMin ? "SIGRTMIN" : base::StrCat("SIGRTMIN+", signal - kRtMin);
  }
  const char* abbreviation = ::sigabbrev_np(signal);
  return abbreviation != nullptr ? base::StrCat("SIG", abbreviation) : base::StrCat(signal);
}

}  // namespace rktlet::spec
