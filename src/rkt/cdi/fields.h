// SPDX-License-Identifier: Apache-2.0
// Reads the fields of a map strictly: wrong types and unknown fields are errors that name the field. The first error
// counts. An absent field and a null leave the value as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cdi/document.h"

namespace rkt::cdi {

class Fields {
 public:
  // `where`: the map's own place in the document, "" for the whole. `error` outlives the object and collects.
  Fields(const Element& node, std::string where, absl::Status& error);

  void Text(const char* name, std::string& value);
  void RequiredText(const char* name, std::string& value);  // and not empty
  void Path(const char* name, std::string& value);          // absolute, if it is there
  void RequiredPath(const char* name, std::string& value);
  void Flag(const char* name, bool& value);
  void Texts(const char* name, std::vector<std::string>& value);
  void TextMap(const char* name, std::map<std::string, std::string>& value);
  // `each` gets every element with its place.
  void List(const char* name, const std::function<void(const Element& node, const std::string& where)>& each);
  // The node behind a name for whoever reads it in another way; null when it is absent.
  const Element* Other(const char* name);

  template <typename T>
  void Number(const char* name, T& value) {
    int64_t number = 0;
    if (ReadNumber(name, std::numeric_limits<T>::min(), static_cast<int64_t>(std::numeric_limits<T>::max()), number)) {
      value = static_cast<T>(number);
    }
  }
  template <typename T>
  void Number(const char* name, std::optional<T>& value) {
    T number = 0;
    if (Other(name) != nullptr) {
      Number(name, number);
      value = number;
    }
  }

  // Refuses every field that was not asked for.
  void Finish();

  void Fail(const std::string& name, std::string_view what);
  std::string At(const std::string& name) const { return where_.empty() ? name : where_ + "." + name; }

 private:
  bool ReadNumber(const char* name, int64_t least, int64_t most, int64_t& value);

  const Element& node_;
  std::string where_;
  absl::Status& error_;
  std::set<std::string> known_;
};

// Text of a scalar; an error for anything else and for a NUL.
absl::StatusOr<std::string> TextOf(const Element& node);
// A whole number in JSON's or YAML's spelling (0o644, 0644, 0x1a4 in YAML).
std::optional<int64_t> NumberOf(const Element& node);

}  // namespace rkt::cdi
