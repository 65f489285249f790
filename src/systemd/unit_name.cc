// SPDX-License-Identifier: Apache-2.0
#include "systemd/unit_name.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace rktlet::systemd {
namespace {

constexpr size_t kMaxUnitNameLength = 255;  // UNIT_NAME_MAX of systemd, without the NUL
constexpr std::string_view kHexDigits = "0123456789abcdef";

constexpr std::array<std::string_view, 11> kUnitTypes = {
    "service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope",
};

bool IsAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsUnitNameCharacter(char c) {
  return IsAlphanumeric(c) || std::string_view(":-_.\\@").find(c) != std::string_view::npos;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return -1;
}

void AppendHex(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 0xf];
}

absl::Status Invalid(std::string_view name, std::string_view why) {
  return absl::InvalidArgumentError(base::StrCat("unit name \"", name, "\": ", why));
}

}  // namespace

absl::StatusOr<UnitName> UnitName::Parse(std::string name) {
  if (name.empty()) {
    return Invalid(name, "is empty");
  }
  if (name.size() > kMaxUnitNameLength) {
    return Invalid(name, base::StrCat("has ", name.size(), " bytes, systemd takes ", kMaxUnitNameLength));
  }
  if (!std::all_of(name.begin(), name.end(), IsUnitNameCharacter)) {
    return Invalid(name, "has a character that is not one of [A-Za-z0-9:_.\\@-]");
  }
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) {
    return Invalid(name, "has no name before its type suffix");
  }
  if (std::find(kUnitTypes.begin(), kUnitTypes.end(), std::string_view(name).substr(dot + 1)) == kUnitTypes.end()) {
    return Invalid(name, "has no known unit type as its suffix");
  }
  const size_t at = name.find('@');
  if (at == 0 || at + 1 == dot) {
    return Invalid(name, "is a template or an instance without a name");
  }
  return UnitName(std::move(name));
}

std::string_view UnitName::type() const { return std::string_view(name_).substr(name_.rfind('.') + 1); }

std::string EscapeUnitComponent(std::string_view text) {
  std::string out;
  for (const char c : text) {
    // '@' is legal in a name but would make it an instance of a template.
    if (IsUnitNameCharacter(c) && c != '\\' && c != '@') {
      out += c;
    } else {
      out += "\\x";
      AppendHex(out, c);
    }
  }
  return out;
}

std::string UnitObjectPath(const UnitName& unit) {
  std::string out(kUnitObjectPathPrefix);
  const std::string& name = unit.str();
  for (size_t i = 0; i < name.size(); ++i) {
    const bool leading_digit = i == 0 && name[i] >= '0' && name[i] <= '9';
    if (IsAlphanumeric(name[i]) && !leading_digit) {
      out += name[i];
    } else {
      out += '_';
      AppendHex(out, name[i]);
    }
  }
  return out;
}

absl::StatusOr<UnitName> UnitNameFromObjectPath(std::string_view path) {
  if (!path.starts_with(kUnitObjectPathPrefix)) {
    return absl::NotFoundError(base::StrCat(path, " is not the object of a unit"));
  }
  const std::string_view label = path.substr(kUnitObjectPathPrefix.size());
  std::string name;
  for (size_t i = 0; i < label.size(); ++i) {
    if (label[i] != '_') {
      name += label[i];
      continue;
    }
    const int high = i + 2 < label.size() ? HexValue(label[i + 1]) : -1;
    const int low = i + 2 < label.size() ? HexValue(label[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return absl::NotFoundError(base::StrCat(path, " is not the object of a unit"));
    }
    name += static_cast<char>(high << 4 | low);
    i += 2;
  }
  absl::StatusOr<UnitName> unit = UnitName::Parse(std::move(name));
  if (!unit.ok()) {
    return absl::NotFoundError(base::StrCat(path, " is not the object of a unit"));
  }
  return unit;
}

}  // namespace rktlet::systemd
