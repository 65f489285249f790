// SPDX-License-Identifier: Apache-2.0
// A JSON or YAML document as a tree, so that what reads fields need not know which of the two it was. Whoever may write
// device specifications is trusted with the node; still a broken file must cost no more than an error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace rkt::cdi {

struct Member;

struct Element {
  // kPlain is YAML's scalar without quotes: a number or a text, as the reader wants it. kLiteral is JSON's number or
  // boolean.
  enum class Kind : unsigned char { kNull, kText, kPlain, kLiteral, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;             // of kText, kPlain, kLiteral
  std::vector<Element> items;   // of kList
  std::vector<Member> members;  // of kMap; each key once

  const Element* Find(std::string_view key) const;
};

struct Member {
  std::string key;
  Element value;
};

inline constexpr size_t kMaxDocumentSize = size_t{4} << 20;
inline constexpr size_t kMaxDocumentDepth = 32;
inline constexpr size_t kMaxDocumentNodes = size_t{200'000};  // with what YAML's aliases repeat

// InvalidArgument says what is wrong, and where the parser knows that.
absl::StatusOr<Element> ParseJson(std::string_view text);
absl::StatusOr<Element> ParseYaml(std::string_view text);

// Grows a tree from a parser's events, within the limits above. After an error the tree is of no use.
class TreeBuilder {
 public:
  absl::Status Scalar(Element::Kind kind, std::string text);
  absl::Status Begin(Element::Kind kind);  // kList or kMap
  absl::Status Key(std::string key);       // the next node is the value of it
  void End();
  absl::Status Copy(const Element& node);    // what an alias stands for
  absl::Status Charge(const Element& node);  // counts a copy of it that is kept elsewhere

  // The node that the last Scalar, End or Copy has finished. Valid until the next call.
  const Element& last() const { return *last_; }
  size_t depth() const { return open_.size(); }
  bool TopIsMap() const { return !open_.empty() && open_.back()->kind == Element::Kind::kMap; }
  Element Take() { return std::move(root_); }

 private:
  absl::StatusOr<Element*> Place();
  absl::Status Count(size_t nodes);

  Element root_;
  bool has_root_ = false;
  std::vector<Element*> open_;  // only the innermost grows, so the others stay where they are
  const Element* last_ = nullptr;
  size_t nodes_ = 0;
};

}  // namespace rkt::cdi
