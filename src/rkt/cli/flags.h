// SPDX-License-Identifier: Apache-2.0
// Flags and positionals of one command: `--flag=value` or `--flag value`, booleans `--flag[=true|false]`, repeatable
// lists. Values arrive byte for byte (empty ones, brackets, newlines), which general command-line libraries do not
// promise; everything after `--` is positional. The same table prints the help.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace rkt::cli {

// An InvalidArgument status that makes the program print the command's usage after the message.
absl::Status UsageError(std::string_view message);
bool IsUsageError(const absl::Status& status);

struct Flag {
  std::string name = {};         // without the dashes
  std::string placeholder = {};  // what the help shows as its value; empty for a boolean
  std::string help = {};
  bool boolean = false;
  bool hidden = false;
  std::function<absl::Status(const std::string&)> set = {};
};

struct Positionals {
  std::vector<std::string> args;
  // How many of `args` stood before `--` (all of them when there was none).
  size_t before_dashes = 0;
  bool had_dashes = false;
};

class FlagSet {
 public:
  // Each defines one flag that writes to *target, which outlives the set. A flag given twice keeps the last value, but
  // for List and KeyValues.
  FlagSet& Bool(std::string_view name, bool* target, std::string_view help);
  FlagSet& OptionalBool(std::string_view name, std::optional<bool>* target, std::string_view help);
  FlagSet& String(std::string_view name, std::string_view placeholder, std::string* target, std::string_view help);
  FlagSet& OptionalString(std::string_view name, std::string_view placeholder, std::optional<std::string>* target,
                          std::string_view help);
  FlagSet& Int(std::string_view name, std::string_view placeholder, std::optional<int64_t>* target,
               std::string_view help);
  // "10s", "1h30m", "500ms"; a bare number is seconds.
  FlagSet& Duration(std::string_view name, std::optional<std::chrono::nanoseconds>* target, std::string_view help);
  FlagSet& List(std::string_view name, std::string_view placeholder, std::vector<std::string>* target,
                std::string_view help);
  // K=V, repeatable, split at the first "=", a key given twice is an error.
  FlagSet& KeyValues(std::string_view name, std::map<std::string, std::string>* target, std::string_view help);
  FlagSet& Custom(Flag flag);
  // The flag defined last is accepted but not shown.
  FlagSet& Hidden();

  // With `stop_at_positional` everything from the first positional on is positional, dashes or not (`app exec`).
  absl::StatusOr<Positionals> Parse(const std::vector<std::string>& args, bool stop_at_positional) const;

  // Consumes the flag at args[*index] with its value and advances *index past them. NotFound when it is not ours.
  absl::Status ParseOne(const std::vector<std::string>& args, size_t* index) const;

  // One line a flag, indented, for --help.
  std::string Help() const;
  const std::vector<Flag>& flags() const { return flags_; }
  // True when --help or -h was among the parsed flags.
  bool help_requested() const { return help_requested_; }

 private:
  const Flag* Find(std::string_view name) const;

  std::vector<Flag> flags_;
  mutable bool help_requested_ = false;
};

absl::StatusOr<bool> ParseBool(std::string_view text);
absl::StatusOr<int64_t> ParseInt(std::string_view text);
absl::StatusOr<std::chrono::nanoseconds> ParseDuration(std::string_view text);
// "K=V" at the first "=".
absl::StatusOr<std::pair<std::string, std::string>> ParseKeyValue(std::string_view text);

}  // namespace rkt::cli
