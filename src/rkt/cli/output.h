// SPDX-License-Identifier: Apache-2.0
// How results look: aligned tables with an optional legend, and JSON on one line or indented.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "rkt/cli/flags.h"

namespace rkt::cli {

enum class Format : uint8_t { kText, kJson, kJsonPretty };

// --format, --no-legend and --full of the commands that list or show something.
struct OutputFlags {
  Format format = Format::kText;
  bool no_legend = false;
  bool full = false;

  void Define(FlagSet& flags);
  void DefineFormat(FlagSet& flags);  // --format alone
  bool json() const { return format != Format::kText; }
};

// The document as --format wants it, with a final newline. Text that is not UTF-8 is made so.
std::string ToJson(const nlohmann::json& document, Format format);

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Columns padded to their widest cell, two spaces apart; tabs and newlines in cells are shown as spaces.
  std::string Render(bool no_legend) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "5 minutes ago", "just now" for people; `now` and `then` in nanoseconds since the epoch.
std::string RelativeTime(int64_t now, int64_t then);
// RFC 3339 in UTC with seconds; "-" for 0.
std::string AbsoluteTime(int64_t nanos);
// "4.2MiB".
std::string HumanSize(uint64_t bytes);

}  // namespace rkt::cli
