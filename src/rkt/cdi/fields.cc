// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/fields.h"

#include <charconv>

#include "base/strings.h"

namespace rkt::cdi {

using rktlet::base::StrCat;

absl::StatusOr<std::string> TextOf(const Element& node) {
  if (node.kind != Element::Kind::kText && node.kind != Element::Kind::kPlain) {
    return absl::InvalidArgumentError("must be text");
  }
  if (node.text.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("has a NUL");
  }
  return node.text;
}

std::optional<int64_t> NumberOf(const Element& node) {
  if (node.kind != Element::Kind::kLiteral && node.kind != Element::Kind::kPlain) {
    return std::nullopt;
  }
  std::string_view digits = node.text;
  const bool negative = digits.starts_with('-');
  if (negative || (node.kind == Element::Kind::kPlain && digits.starts_with('+'))) {
    digits.remove_prefix(1);
  }
  int base = 10;
  if (node.kind == Element::Kind::kPlain && digits.size() > 1 && digits.front() == '0') {
    base = digits[1] == 'x' ? 16 : 8;
    digits.remove_prefix(digits[1] == 'x' || digits[1] == 'o' ? 2 : 1);
  }
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  const uint64_t limit = uint64_t{std::numeric_limits<int64_t>::max()} + (negative ? 1 : 0);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || magnitude > limit) {
    return std::nullopt;
  }
  return static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
}

Fields::Fields(const Element& node, std::string where, absl::Status& error)
    : node_(node), where_(std::move(where)), error_(error) {
  if (node_.kind != Element::Kind::kMap && error_.ok()) {
    error_ = absl::InvalidArgumentError(where_.empty() ? "must be an object" : StrCat(where_, ": must be an object"));
  }
}

void Fields::Fail(const std::string& name, std::string_view what) {
  if (error_.ok()) {
    error_ = absl::InvalidArgumentError(StrCat(At(name), ": ", what));
  }
}

const Element* Fields::Other(const char* name) {
  known_.insert(name);
  if (!error_.ok()) {
    return nullptr;
  }
  const Element* node = node_.Find(name);
  return node == nullptr || node->kind == Element::Kind::kNull ? nullptr : node;
}

void Fields::Text(const char* name, std::string& value) {
  if (const Element* node = Other(name); node != nullptr) {
    absl::StatusOr<std::string> text = TextOf(*node);
    text.ok() ? static_cast<void>(value = *std::move(text)) : Fail(name, rktlet::base::ToStd(text.status().message()));
  }
}

void Fields::RequiredText(const char* name, std::string& value) {
  Text(name, value);
  if (value.empty()) {
    Fail(name, "missing");
  }
}

void Fields::Path(const char* name, std::string& value) {
  Text(name, value);
  constexpr size_t kMaxPath = 4096;
  if (!value.empty() && (value.front() != '/' || value.size() >= kMaxPath)) {
    Fail(name, "must be an absolute path");
  }
}

void Fields::RequiredPath(const char* name, std::string& value) {
  Path(name, value);
  if (value.empty()) {
    Fail(name, "missing");
  }
}

void Fields::Flag(const char* name, bool& value) {
  if (const Element* node = Other(name); node != nullptr) {
    const bool scalar = node->kind == Element::Kind::kLiteral || node->kind == Element::Kind::kPlain;
    if (!scalar || (node->text != "true" && node->text != "false")) {
      Fail(name, "must be true or false");
      return;
    }
    value = node->text == "true";
  }
}

void Fields::List(const char* name, const std::function<void(const Element&, const std::string&)>& each) {
  const Element* node = Other(name);
  if (node == nullptr) {
    return;
  }
  if (node->kind != Element::Kind::kList) {
    Fail(name, "must be a list");
    return;
  }
  for (size_t i = 0; i < node->items.size(); ++i) {
    each(node->items[i], StrCat(At(name), "[", i, "]"));
  }
}

void Fields::Texts(const char* name, std::vector<std::string>& value) {
  List(name, [&](const Element& node, const std::string& where) {
    absl::StatusOr<std::string> text = TextOf(node);
    if (text.ok()) {
      value.push_back(*std::move(text));
    } else if (error_.ok()) {
      error_ = rktlet::base::Annotate(text.status(), where);
    }
  });
}

void Fields::TextMap(const char* name, std::map<std::string, std::string>& value) {
  const Element* node = Other(name);
  if (node == nullptr) {
    return;
  }
  if (node->kind != Element::Kind::kMap) {
    Fail(name, "must be an object");
    return;
  }
  for (const auto& [key, element] : node->members) {
    absl::StatusOr<std::string> text = TextOf(element);
    if (!text.ok()) {
      Fail(StrCat(name, ".", key), rktlet::base::ToStd(text.status().message()));
      return;
    }
    value[key] = *std::move(text);
  }
}

bool Fields::ReadNumber(const char* name, int64_t least, int64_t most, int64_t& value) {
  const Element* node = Other(name);
  if (node == nullptr) {
    return false;
  }
  const std::optional<int64_t> number = NumberOf(*node);
  if (!number || *number < least || *number > most) {
    Fail(name, StrCat("must be a whole number from ", least, " to ", most));
    return false;
  }
  value = *number;
  return true;
}

void Fields::Finish() {
  if (!error_.ok()) {
    return;
  }
  for (const auto& [key, value] : node_.members) {
    if (!known_.contains(key)) {
      Fail(key, "unknown field");
    }
  }
}

}  // namespace rkt::cdi
