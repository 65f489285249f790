// SPDX-License-Identifier: Apache-2.0
#include "unit/mount_units.h"

#include <cctype>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "systemd/unit_name.h"

namespace rktlet::unit {
namespace {

// proc(5): the fifth field, with octal escapes for space, tab, newline and backslash.
std::string MountPointOf(absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 5));
  if (fields.size() < 5) {
    return "";
  }
  std::string path;
  for (size_t i = 0; i < fields[4].size(); ++i) {
    if (fields[4][i] == '\\' && i + 3 < fields[4].size()) {
      path +=
          static_cast<char>((fields[4][i + 1] - '0') * 64 + (fields[4][i + 2] - '0') * 8 + (fields[4][i + 3] - '0'));
      i += 3;
    } else {
      path += fields[4][i];
    }
  }
  return path;
}

bool Holds(const std::string& mount_point, const std::string& path) {
  return mount_point == "/" || path == mount_point ||
         (path.size() > mount_point.size() && path.compare(0, mount_point.size(), mount_point) == 0 &&
          path[mount_point.size()] == '/');
}

}  // namespace

std::string MountUnitName(const std::string& mount_point) {
  std::string name;
  for (const char c : mount_point.substr(mount_point.find_first_not_of('/'))) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '_' || (c == '.' && !name.empty());
    if (c == '/') {
      name += '-';
    } else if (plain) {
      name += c;
    } else {
      name += absl::StrFormat("\\x%02x", static_cast<unsigned char>(c));
    }
  }
  return name + ".mount";
}

std::vector<std::string> MountUnitsOf(const std::vector<std::string>& paths, const std::string& mount_table) {
  if (paths.empty()) {
    return {};
  }
  const auto table = base::ReadFile(mount_table);
  if (!table.ok()) {
    return {};
  }
  std::vector<std::string> mount_points;
  for (const absl::string_view line : absl::StrSplit(*table, '\n', absl::SkipEmpty())) {
    mount_points.push_back(MountPointOf(line));
  }
  std::set<std::string> names;
  for (const std::string& path : paths) {
    std::string longest = "/";
    for (const std::string& mount_point : mount_points) {
      if (mount_point.size() > longest.size() && Holds(mount_point, path)) {
        longest = mount_point;
      }
    }
    // A path too long for a unit name has no unit.
    if (longest != "/" && systemd::UnitName::Parse(MountUnitName(longest)).ok()) {
      names.insert(MountUnitName(longest));
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace rktlet::unit
