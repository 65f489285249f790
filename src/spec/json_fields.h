// SPDX-License-Identifier: Apache-2.0
// Documents to and from JSON by one list of fields a struct: a function `Fields(visitor, object)` names each member
// once, and serves the writer and the strict reader. Private to this folder.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/status.h"
#include "base/strings.h"

namespace rktlet::spec::internal {

using Json = nlohmann::json;

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

// Values with a Parse and a str(): the ids.
template <typename T>
concept ParsedText = requires(const T& value) {
  { value.str() } -> std::convertible_to<std::string>;
  T::Parse(std::string_view());
};

// Enumerations have a specialisation with `static constexpr std::pair<Enum, const char*> kNames[]`.
template <typename Enum>
struct EnumNames;

// Text of any bytes. JSON is UTF-8: what is not, is written as {"base64": "…"}.
inline Json TextToJson(const std::string& text) {
  Json json = text;
  try {
    static_cast<void>(json.dump());
    return json;
  } catch (const Json::type_error&) {
    return Json{{"base64", absl::Base64Escape(text)}};
  }
}

class Writer {
 public:
  explicit Writer(Json& out) : out_(out) { out_ = Json::object(); }

  template <typename T>
  void operator()(const char* name, const T& value) {
    if (!IsDefault(value)) {
      out_[name] = Write(value);
    }
  }

  template <typename T>
  static Json Write(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      return TextToJson(value);
    } else if constexpr (std::is_same_v<T, bool> || std::is_integral_v<T>) {
      return value;
    } else if constexpr (std::is_enum_v<T>) {
      for (const auto& [enumerator, name] : EnumNames<T>::kNames) {
        if (enumerator == value) {
          return name;
        }
      }
      return nullptr;
    } else if constexpr (IsVector<T>::value) {
      Json array = Json::array();
      for (const auto& element : value) {
        array.push_back(Write(element));
      }
      return array;
    } else if constexpr (IsMap<T>::value) {
      Json object = Json::object();
      for (const auto& [key, element] : value) {
        object[key] = Write(element);
      }
      return object;
    } else if constexpr (IsOptional<T>::value) {
      return value.has_value() ? Write(*value) : Json();
    } else if constexpr (ParsedText<T>) {
      return value.str();
    } else {
      Json object;
      Writer writer(object);
      Fields(writer, value);
      return object;
    }
  }

 private:
  template <typename T>
  static bool IsDefault(const T& value) {
    if constexpr (IsOptional<T>::value) {
      return !value.has_value();
    } else if constexpr (requires { value.empty(); }) {
      return value.empty();
    } else {
      return false;
    }
  }

  Json& out_;
};

// Collects the first error with the path of the field it is in.
class Reader {
 public:
  Reader(const Json& in, std::string path, absl::Status& status) : in_(in), path_(std::move(path)), status_(status) {
    if (!in_.is_object()) {
      Fail(path_, "must be an object");
    }
  }

  template <typename T>
  void operator()(const char* name, T& value) {
    known_.insert(name);
    if (!status_.ok() || !in_.is_object()) {
      return;
    }
    const auto found = in_.find(name);
    if (found != in_.end() && !found->is_null()) {
      Read(*found, Path(name), value);
    }
  }

  // After all fields: refuses what was not named.
  void Finish() {
    if (!status_.ok()) {
      return;
    }
    for (const auto& [key, value] : in_.items()) {
      if (known_.count(key) == 0) {
        Fail(Path(key), "unknown field");
      }
    }
  }

  template <typename T>
  void Read(const Json& json, const std::string& path, T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      ReadText(json, path, value);
    } else if constexpr (std::is_same_v<T, bool>) {
      json.is_boolean() ? static_cast<void>(value = json.get<bool>()) : Fail(path, "must be true or false");
    } else if constexpr (std::is_integral_v<T>) {
      ReadInteger(json, path, value);
    } else if constexpr (std::is_enum_v<T>) {
      ReadEnum(json, path, value);
    } else if constexpr (IsVector<T>::value) {
      ReadVector(json, path, value);
    } else if constexpr (IsMap<T>::value) {
      ReadMap(json, path, value);
    } else if constexpr (IsOptional<T>::value) {
      Read(json, path, value.emplace());
    } else if constexpr (ParsedText<T>) {
      std::string text;
      ReadText(json, path, text);
      if (status_.ok()) {
        auto parsed = T::Parse(text);
        parsed.ok() ? static_cast<void>(value = *std::move(parsed))
                    : Fail(path, std::string(parsed.status().message()));
      }
    } else {
      Reader reader(json, path, status_);
      Fields(reader, value);
      reader.Finish();
    }
  }

 private:
  std::string Path(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

  void Fail(const std::string& path, const std::string& what) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(path.empty() ? what : path + ": " + what);
    }
  }

  void ReadText(const Json& json, const std::string& path, std::string& value) {
    if (json.is_string()) {
      value = json.get<std::string>();
    } else if (json.is_object() && json.size() == 1 && json.contains("base64") && json["base64"].is_string()) {
      if (!absl::Base64Unescape(json["base64"].get<std::string>(), &value)) {
        Fail(path, "is not base64");
      }
    } else {
      Fail(path, "must be a string");
    }
  }

  template <typename T>
  void ReadInteger(const Json& json, const std::string& path, T& value) {
    const bool fits = std::is_unsigned_v<T>
                          ? json.is_number_unsigned() && json.get<uint64_t>() <= std::numeric_limits<T>::max()
                          : json.is_number_integer() &&
                                (!json.is_number_unsigned() ||
                                 json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max())) &&
                                json.get<int64_t>() >= static_cast<int64_t>(std::numeric_limits<T>::min()) &&
                                json.get<int64_t>() <= static_cast<int64_t>(std::numeric_limits<T>::max());
    fits ? static_cast<void>(value = json.get<T>())
         : Fail(path, base::StrCat("must be a whole number of ", sizeof(T) * 8, " bits",
                                   std::is_unsigned_v<T> ? ", not negative" : ""));
  }

  template <typename T>
  void ReadEnum(const Json& json, const std::string& path, T& value) {
    std::string names;
    for (const auto& [enumerator, name] : EnumNames<T>::kNames) {
      if (json.is_string() && json.get<std::string>() == name) {
        value = enumerator;
        return;
      }
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    Fail(path, "must be one of " + names);
  }

  template <typename T>
  void ReadVector(const Json& json, const std::string& path, T& value) {
    if (!json.is_array()) {
      Fail(path, "must be a list");
      return;
    }
    value.clear();
    for (const Json& element : json) {
      const std::string element_path = base::StrCat(path, "[", value.size(), "]");
      Read(element, element_path, value.emplace_back());
    }
  }

  template <typename T>
  void ReadMap(const Json& json, const std::string& path, T& value) {
    if (!json.is_object()) {
      Fail(path, "must be an object");
      return;
    }
    value.clear();
    for (const auto& [key, element] : json.items()) {
      Read(element, base::StrCat(path, ".", key), value[key]);
    }
  }

  const Json& in_;
  std::string path_;
  absl::Status& status_;
  std::set<std::string> known_;
};

// A versioned document in one line, or indented by `indent`.
template <typename T>
std::string WriteDocument(const T& value) {
  Json json = Writer::Write(value);
  json["version"] = 1;
  return json.dump();
}

// A document of version 1, read strictly.
template <typename T>
absl::StatusOr<T> ReadDocument(const std::string& text, const char* what) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return absl::InvalidArgumentError(base::StrCat(what, ": not a JSON object"));
  }
  const auto version = json.find("version");
  if (version == json.end() || *version != 1) {
    return absl::InvalidArgumentError(base::StrCat(what, ": version: must be 1"));
  }
  json.erase("version");
  absl::Status status;
  T value;
  Reader reader(json, "", status);
  Fields(reader, value);
  reader.Finish();
  if (!status.ok()) {
    return base::Annotate(status, what);
  }
  return value;
}

}  // namespace rktlet::spec::internal
