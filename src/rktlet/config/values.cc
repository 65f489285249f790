// SPDX-License-Identifier: Apache-2.0
// Durations and sizes as text, and back without loss.
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "rktlet/config/options.h"

namespace rktlet::config {
namespace {

using base::StrCat;
using std::chrono::nanoseconds;

constexpr nanoseconds kLongestDuration = std::chrono::hours(24 * 3650);  // a deadline that far away can be counted
constexpr std::array<std::pair<std::string_view, int64_t>, 6> kDurationUnits = {{{"h", 3'600'000'000'000},
                                                                                 {"m", 60'000'000'000},
                                                                                 {"s", 1'000'000'000},
                                                                                 {"ms", 1'000'000},
                                                                                 {"us", 1'000},
                                                                                 {"ns", 1}}};
constexpr std::array<std::pair<std::string_view, uint64_t>, 4> kSizeUnits = {
    {{"TiB", uint64_t{1} << 40}, {"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}}};

// Takes a decimal number off the front; false when there is none or it is too large.
bool TakeNumber(std::string_view& text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) {
    return false;
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

}  // namespace

absl::StatusOr<nanoseconds> ParseDuration(const std::string& text) {
  if (text == "0") {
    return nanoseconds(0);
  }
  const absl::Status wrong =
      absl::InvalidArgumentError(StrCat("\"", text, "\" is no duration such as 90s, 5m or 1h30m"));
  std::string_view rest = text;
  int64_t total = 0;
  while (!rest.empty()) {
    uint64_t number = 0;
    if (!TakeNumber(rest, number)) {
      return wrong;
    }
    const size_t length = std::min(rest.find_first_of("0123456789"), rest.size());
    int64_t unit = 0;
    for (const auto& [name, nanos] : kDurationUnits) {
      unit = rest.substr(0, length) == name ? nanos : unit;
    }
    int64_t part = 0;
    if (unit == 0 || number > uint64_t{std::numeric_limits<int64_t>::max()} ||
        __builtin_mul_overflow(static_cast<int64_t>(number), unit, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return wrong;
    }
    rest.remove_prefix(length);
  }
  if (nanoseconds(total) > kLongestDuration) {
    return absl::InvalidArgumentError(StrCat("\"", text, "\" is more than ten years"));
  }
  return text.empty() ? absl::StatusOr<nanoseconds>(wrong) : nanoseconds(total);
}

std::string DurationText(nanoseconds duration) {
  int64_t left = duration.count();
  if (left == 0) {
    return "0";
  }
  std::string text;
  for (const auto& [name, nanos] : kDurationUnits) {
    if (left >= nanos) {
      text += StrCat(left / nanos, name);
      left %= nanos;
    }
  }
  return text;
}

absl::StatusOr<uint64_t> ParseSize(const std::string& text) {
  const absl::Status wrong =
      absl::InvalidArgumentError(StrCat("\"", text, "\" is no size such as 512MiB, 1GiB or 4096"));
  std::string_view rest = text;
  uint64_t number = 0;
  if (!TakeNumber(rest, number)) {
    return wrong;
  }
  if (rest.empty()) {
    return number;
  }
  for (const auto& [name, bytes] : kSizeUnits) {
    if (rest == name) {
      uint64_t size = 0;
      return __builtin_mul_overflow(number, bytes, &size) ? absl::StatusOr<uint64_t>(wrong) : size;
    }
  }
  return wrong;
}

std::string SizeText(uint64_t bytes) {
  for (const auto& [name, unit] : kSizeUnits) {
    if (bytes != 0 && bytes % unit == 0) {
      return StrCat(bytes / unit, name);
    }
  }
  return std::to_string(bytes);
}

}  // namespace rktlet::config
