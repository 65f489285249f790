// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/strings.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

constexpr char kUsagePayload[] = "rkt/usage";

absl::Status BadValue(std::string_view flag, std::string_view value, const absl::Status& reason) {
  return UsageError(StrCat("invalid value \"", value, "\" for --", flag, ": ", reason.message()));
}

}  // namespace

absl::Status UsageError(std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(rktlet::base::ToAbsl(message));
  status.SetPayload(kUsagePayload, absl::Cord(""));
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kUsagePayload).has_value(); }

absl::StatusOr<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes") {
    return true;
  }
  if (text == "false" || text == "0" || text == "no") {
    return false;
  }
  return absl::InvalidArgumentError("neither true nor false");
}

absl::StatusOr<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return absl::InvalidArgumentError("out of range");
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return absl::InvalidArgumentError("not a whole number");
  }
  return value;
}

absl::StatusOr<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
                                                                   {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  const absl::Status malformed = absl::InvalidArgumentError("not a duration such as 10s, 1h30m or 500ms");
  double total = 0;
  if (text.empty()) {
    return malformed;
  }
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) {
      return malformed;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const size_t unit_size = std::min(text.size(), text.find_first_of("0123456789."));
    const std::string_view unit = text.substr(0, unit_size);
    text.remove_prefix(unit_size);
    if (unit.empty() && text.empty() && total == 0) {
      total = number * 1e9;
      break;
    }
    const auto* known = std::find_if(std::begin(kUnits), std::end(kUnits), [&](auto& u) { return u.first == unit; });
    if (known == std::end(kUnits)) {
      return malformed;
    }
    total += number * known->second;
  }
  if (!std::isfinite(total) || total >= static_cast<double>(std::numeric_limits<int64_t>::max())) {
    return absl::InvalidArgumentError("out of range");
  }
  return std::chrono::nanoseconds(static_cast<int64_t>(total));
}

absl::StatusOr<std::pair<std::string, std::string>> ParseKeyValue(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError("not of the form KEY=VALUE");
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

FlagSet& FlagSet::Custom(Flag flag) {
  flags_.push_back(std::move(flag));
  return *this;
}

FlagSet& FlagSet::Hidden() {
  flags_.back().hidden = true;
  return *this;
}

FlagSet& FlagSet::Bool(std::string_view name, bool* target, std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = "",
                 .help = std::string(help),
                 .boolean = true,
                 .set = [target](const std::string& value) -> absl::Status {
                   ASSIGN_OR_RETURN(*target, ParseBool(value));
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::OptionalBool(std::string_view name, std::optional<bool>* target, std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = "",
                 .help = std::string(help),
                 .boolean = true,
                 .set = [target](const std::string& value) -> absl::Status {
                   ASSIGN_OR_RETURN(*target, ParseBool(value));
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::String(std::string_view name, std::string_view placeholder, std::string* target,
                         std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = std::string(placeholder),
                 .help = std::string(help),
                 .set = [target](const std::string& value) {
                   *target = value;
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::OptionalString(std::string_view name, std::string_view placeholder,
                                 std::optional<std::string>* target, std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = std::string(placeholder),
                 .help = std::string(help),
                 .set = [target](const std::string& value) {
                   *target = value;
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::Int(std::string_view name, std::string_view placeholder, std::optional<int64_t>* target,
                      std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = std::string(placeholder),
                 .help = std::string(help),
                 .set = [target](const std::string& value) -> absl::Status {
                   ASSIGN_OR_RETURN(*target, ParseInt(value));
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::Duration(std::string_view name, std::optional<std::chrono::nanoseconds>* target,
                           std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = "DURATION",
                 .help = std::string(help),
                 .set = [target](const std::string& value) -> absl::Status {
                   ASSIGN_OR_RETURN(*target, ParseDuration(value));
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::List(std::string_view name, std::string_view placeholder, std::vector<std::string>* target,
                       std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = std::string(placeholder),
                 .help = std::string(help),
                 .set = [target](const std::string& value) {
                   target->push_back(value);
                   return absl::OkStatus();
                 }});
}

FlagSet& FlagSet::KeyValues(std::string_view name, std::map<std::string, std::string>* target, std::string_view help) {
  return Custom({.name = std::string(name),
                 .placeholder = "KEY=VALUE",
                 .help = std::string(help),
                 .set = [target](const std::string& value) -> absl::Status {
                   ASSIGN_OR_RETURN(auto pair, ParseKeyValue(value));
                   if (!target->insert(pair).second) {
                     return absl::InvalidArgumentError(StrCat("key \"", pair.first, "\" is given twice"));
                   }
                   return absl::OkStatus();
                 }});
}

const Flag* FlagSet::Find(std::string_view name) const {
  const auto found = std::find_if(flags_.begin(), flags_.end(), [&](const Flag& flag) { return flag.name == name; });
  return found == flags_.end() ? nullptr : &*found;
}

absl::Status FlagSet::ParseOne(const std::vector<std::string>& args, size_t* index) const {
  const std::string_view arg = args[*index];
  if (arg == "-h" || arg == "--help" || arg == "-help") {
    help_requested_ = true;
    ++*index;
    return absl::OkStatus();
  }
  const std::string_view body = arg.substr(arg.starts_with("--") ? 2 : 1);
  const size_t equals = body.find('=');
  const std::string_view name = body.substr(0, equals);
  const Flag* flag = Find(name);
  if (flag == nullptr || !arg.starts_with("--")) {
    return absl::NotFoundError(StrCat("unknown flag ", arg.substr(0, arg.find('='))));
  }
  std::string value = "true";
  if (equals != std::string_view::npos) {
    value = body.substr(equals + 1);
  } else if (!flag->boolean) {
    if (*index + 1 >= args.size()) {
      return UsageError(StrCat("--", name, " needs a value"));
    }
    value = args[++*index];
  }
  ++*index;
  if (absl::Status status = flag->set(value); !status.ok()) {
    return BadValue(name, value, status);
  }
  return absl::OkStatus();
}

absl::StatusOr<Positionals> FlagSet::Parse(const std::vector<std::string>& args, bool stop_at_positional) const {
  Positionals result;
  size_t index = 0;
  while (index < args.size()) {
    const std::string& arg = args[index];
    if (arg == "--" && !result.had_dashes) {
      result.had_dashes = true;
      result.before_dashes = result.args.size();
      result.args.insert(result.args.end(), args.begin() + static_cast<ptrdiff_t>(index) + 1, args.end());
      return result;
    }
    if (arg.size() > 1 && arg.front() == '-') {
      absl::Status status = ParseOne(args, &index);
      if (absl::IsNotFound(status)) {
        return UsageError(rktlet::base::ToStd(status.message()));
      }
      RETURN_IF_ERROR(status);
      continue;
    }
    result.args.push_back(arg);
    ++index;
    if (stop_at_positional) {
      // A `--` directly after the first positional separates, and is not itself an argument.
      if (index < args.size() && args[index] == "--") {
        result.had_dashes = true;
        ++index;
      }
      result.before_dashes = result.args.size();
      result.args.insert(result.args.end(), args.begin() + static_cast<ptrdiff_t>(index), args.end());
      return result;
    }
  }
  result.before_dashes = result.args.size();
  return result;
}

std::string FlagSet::Help() const {
  constexpr size_t kColumn = 34;
  std::string text;
  for (const Flag& flag : flags_) {
    if (flag.hidden) {
      continue;
    }
    std::string line = StrCat("  --", flag.name, flag.placeholder.empty() ? "" : "=", flag.placeholder);
    line.append(line.size() + 2 > kColumn ? 2 : kColumn - line.size(), ' ');
    text += StrCat(line, flag.help, "\n");
  }
  return text;
}

}  // namespace rkt::cli
