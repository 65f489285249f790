// SPDX-License-Identifier: Apache-2.0
// What the fuzzers of parsers share: an input's parts, and a promise that does not hold.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace rktlet::fuzz {

inline void Check(bool holds, const char* promise) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", promise);
    std::abort();
  }
}

// Parses; what was taken is written, and is the same when it is read and written again.
template <typename Parse, typename Write>
void CheckRoundTrip(const std::string& text, Parse parse, Write write) {
  const auto first = parse(text);
  if (!first.ok()) {
    return;
  }
  const std::string written = write(*first);
  const auto second = parse(written);
  Check(second.ok(), "what was written can be read");
  Check(write(*second) == written, "what was read again is the same");
}

// The parts of an input, which zeros separate.
class Parts {
 public:
  Parts(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::string Next() {
    const std::string_view part = rest_.substr(0, rest_.find('\0'));
    rest_.remove_prefix(part.size() < rest_.size() ? part.size() + 1 : rest_.size());
    return std::string(part);
  }
  std::string Rest() const { return std::string(rest_); }

 private:
  std::string_view rest_;
};

}  // namespace rktlet::fuzz
