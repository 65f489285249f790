// SPDX-License-Identifier: Apache-2.0
#include "rktlet/config/load.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/locale/utf.hpp>
#include <map>
#include <set>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"
#include "rktlet/config/options.h"

namespace rktlet::config {
namespace {

using base::StrCat;

// Everything that is read so far: the values, where each key was set last, and what was wrong.
struct Reading {
  Config config;
  std::map<std::string, std::string> places;  // key → "file:line"
  std::string problems;                       // one a line

  void Complain(const std::string& place, const std::string& key, const std::string& text) {
    problems += StrCat(problems.empty() ? "" : "\n", place, ": ", key.empty() ? "" : key + ": ", text);
  }
};

std::string Place(const std::string& file, const YAML::Mark& mark) { return StrCat(file, ":", mark.line + 1); }

std::string Place(const std::string& file, const YAML::Node& node) { return Place(file, node.Mark()); }

// Whether it is UTF-8 without control characters.
bool IsText(std::string_view bytes) {
  for (auto at = bytes.begin(); at != bytes.end();) {
    const auto point = boost::locale::utf::utf_traits<char>::decode(at, bytes.end());
    if (!boost::locale::utf::is_valid_codepoint(point) || point < 0x20 || (point >= 0x7f && point < 0xa0)) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<RawValue> AsItStands(const YAML::Node& node) {
  RawValue value;
  if (node.IsScalar()) {
    value.items.push_back(node.Scalar());
    return value;
  }
  if (!node.IsSequence()) {
    return absl::InvalidArgumentError(node.IsMap() ? "a value is expected, not a mapping" : "has no value");
  }
  value.is_list = true;
  for (const YAML::Node& item : node) {
    if (!item.IsScalar()) {
      return absl::InvalidArgumentError("a list of plain values is expected");
    }
    value.items.push_back(item.Scalar());
  }
  return value;
}

absl::StatusOr<RawValue> Raw(const YAML::Node& node) {
  ASSIGN_OR_RETURN(RawValue value, AsItStands(node));
  if (!std::all_of(value.items.begin(), value.items.end(), IsText)) {
    return absl::InvalidArgumentError("has control characters, or is not UTF-8");
  }
  return value;
}

void ReadOption(const std::string& file, const std::string& section, const YAML::Node& name, const YAML::Node& value,
                Reading& reading) {
  const std::string place = Place(file, name);
  const std::string key = StrCat(section, ".", name.Scalar());
  const Option* option = FindOption(section, name.Scalar());
  if (option == nullptr) {
    reading.Complain(place, key, "unknown key");
    return;
  }
  const auto raw = Raw(value);
  const absl::Status status = raw.ok() ? option->set(*raw, reading.config) : raw.status();
  if (!status.ok()) {
    reading.Complain(place, key, std::string(status.message()));
    return;
  }
  reading.places[key] = place;
}

void ReadSection(const std::string& file, const YAML::Node& name, const YAML::Node& section, Reading& reading) {
  if (!IsSection(name.Scalar())) {
    reading.Complain(Place(file, name), name.Scalar(), "unknown key");
    return;
  }
  if (section.IsNull()) {
    return;  // all of it is commented out
  }
  if (!section.IsMap()) {
    reading.Complain(Place(file, name), name.Scalar(), "a mapping of keys to values is expected");
    return;
  }
  std::set<std::string> seen;
  for (const auto& entry : section) {
    if (!seen.insert(entry.first.Scalar()).second) {
      reading.Complain(Place(file, entry.first), StrCat(name.Scalar(), ".", entry.first.Scalar()), "set twice");
    }
    ReadOption(file, name.Scalar(), entry.first, entry.second, reading);
  }
}

void ReadText(const std::string& file, const std::string& text, Reading& reading) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) {
      return;
    }
    if (!root.IsMap()) {
      reading.Complain(Place(file, root), "", "a mapping of sections is expected");
      return;
    }
    std::set<std::string> seen;
    for (const auto& entry : root) {
      if (!seen.insert(entry.first.Scalar()).second) {
        reading.Complain(Place(file, entry.first), entry.first.Scalar(), "set twice");
      }
      ReadSection(file, entry.first, entry.second, reading);
    }
  } catch (const YAML::Exception& error) {
    reading.Complain(Place(file, error.mark), "", error.msg);
  }
}

void ReadFile(const std::string& file, bool must_exist, Reading& reading) {
  const auto text = base::ReadFile(file);
  if (text.ok()) {
    ReadText(file, *text, reading);
  } else if (must_exist || !absl::IsNotFound(text.status())) {
    reading.Complain(file, "", std::string(text.status().message()));
  }
}

}  // namespace

absl::StatusOr<Config> Load(const std::string& path, bool must_exist) {
  Reading reading;
  ReadFile(path, must_exist, reading);
  const std::string directory = path + ".d";
  const auto names = base::ListDirectory(directory);
  if (names.ok()) {
    for (const std::string& name : *names) {
      if (name.ends_with(".yaml") && !name.starts_with('.')) {
        ReadFile(StrCat(directory, "/", name), true, reading);
      }
    }
  } else if (!absl::IsNotFound(names.status())) {
    reading.Complain(directory, "", std::string(names.status().message()));
  }
  if (reading.problems.empty()) {
    for (const Problem& problem : Validate(reading.config)) {
      const auto place = reading.places.find(problem.key);
      reading.Complain(place == reading.places.end() ? path : place->second, problem.key, problem.text);
    }
  }
  if (!reading.problems.empty()) {
    return absl::InvalidArgumentError(reading.problems);
  }
  return std::move(reading.config);
}

}  // namespace rktlet::config
