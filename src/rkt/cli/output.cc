// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/output.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/strings.h"
#include "nlohmann/json.hpp"

namespace rkt::cli {

using rktlet::base::StrCat;

void OutputFlags::DefineFormat(FlagSet& flags) {
  flags.Custom({.name = "format",
                .placeholder = "text|json|json-pretty",
                .help = "How to print the result",
                .set = [this](const std::string& value) -> absl::Status {
                  if (value == "json") {
                    format = Format::kJson;
                  } else if (value == "json-pretty") {
                    format = Format::kJsonPretty;
                  } else if (value == "text" || value.empty()) {
                    format = Format::kText;
                  } else {
                    return absl::InvalidArgumentError("not one of text, json, json-pretty");
                  }
                  return absl::OkStatus();
                }});
}

void OutputFlags::Define(FlagSet& flags) {
  DefineFormat(flags);
  flags.Bool("no-legend", &no_legend, "No header line");
  flags.Bool("full", &full, "Full ids, absolute times, exact sizes");
}

std::string ToJson(const nlohmann::json& document, Format format) {
  return document.dump(format == Format::kJsonPretty ? 2 : -1, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

std::string Table::Render(bool no_legend) const {
  std::vector<size_t> widths;
  const size_t first = no_legend ? 1 : 0;
  for (size_t row = first; row < rows_.size(); ++row) {
    widths.resize(std::max(widths.size(), rows_[row].size()));
    for (size_t column = 0; column < rows_[row].size(); ++column) {
      widths[column] = std::max(widths[column], rows_[row][column].size());
    }
  }
  std::string text;
  for (size_t row = first; row < rows_.size(); ++row) {
    std::string line;
    for (size_t column = 0; column < rows_[row].size(); ++column) {
      std::string cell = rows_[row][column];
      std::replace_if(
          cell.begin(), cell.end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
      cell.resize(widths[column] + 2, ' ');
      line += cell;
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += StrCat(line, "\n");
  }
  return text;
}

std::string RelativeTime(int64_t now, int64_t then) {
  const int64_t seconds = (now - then) / 1'000'000'000;
  const auto ago = [](int64_t count, std::string_view unit) {
    return StrCat(count, " ", unit, count == 1 ? "" : "s", " ago");
  };
  if (then == 0) {
    return "-";
  }
  if (seconds < 1) {
    return "just now";
  }
  if (seconds < 60) {
    return ago(seconds, "second");
  }
  if (seconds < 3600) {
    return ago(seconds / 60, "minute");
  }
  if (seconds < 86400) {
    return ago(seconds / 3600, "hour");
  }
  return ago(seconds / 86400, "day");
}

std::string AbsoluteTime(int64_t nanos) {
  if (nanos == 0) {
    return "-";
  }
  const std::time_t seconds = nanos / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> buffer{};
  std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return buffer.data();
}

std::string HumanSize(uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), unit == 0 ? "%.0f%s" : "%.1f%s", value, kUnits[unit]);
  return buffer.data();
}

}  // namespace rkt::cli
