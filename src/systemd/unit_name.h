// SPDX-License-Identifier: Apache-2.0
// Names of systemd units as a type that cannot hold a wrong one, and the object paths by which the bus knows them
// (systemd.unit(5); bus label escaping as in sd_bus_path_encode(3)).
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace rktlet::systemd {

// The full name of a unit, such as "k8s-default-web-nginx-0a1b2c3d.service". Always valid.
class UnitName {
 public:
  // InvalidArgument unless `name` is what systemd takes: at most 255 bytes of [A-Za-z0-9:_.\@-], something before the
  // type suffix, a known type, not a template without an instance.
  static absl::StatusOr<UnitName> Parse(std::string name);

  const std::string& str() const { return name_; }

  // "service", "slice", …
  std::string_view type() const;

  friend bool operator==(const UnitName&, const UnitName&) = default;
  friend std::strong_ordering operator<=>(const UnitName&, const UnitName&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const UnitName& unit) {
    return H::combine(std::move(state), unit.name_);
  }

 private:
  explicit UnitName(std::string name) : name_(std::move(name)) {}

  std::string name_;
};

// `text` as a part of a unit name: only what systemd cannot take becomes \xNN ('-' and '.' stay, a backslash is
// escaped, so that the result is unambiguous). Not systemd-escape(1), which also escapes '-'.
std::string EscapeUnitComponent(std::string_view text);

// The object of the unit on the bus: "/org/freedesktop/systemd1/unit/" and the escaped name.
std::string UnitObjectPath(const UnitName& unit);

// The reverse. NotFound when `path` is no object of a unit.
absl::StatusOr<UnitName> UnitNameFromObjectPath(std::string_view path);

inline constexpr std::string_view kUnitObjectPathPrefix = "/org/freedesktop/systemd1/unit/";

}  // namespace rktlet::systemd

template <>
struct std::hash<rktlet::systemd::UnitName> {
  size_t operator()(const rktlet::systemd::UnitName& unit) const noexcept {
    return std::hash<std::string>()(unit.str());
  }
};
