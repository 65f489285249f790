// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/document.h"

#include <algorithm>

#include "base/strings.h"

namespace rkt::cdi {
namespace {

using rktlet::base::StrCat;

size_t CountElements(const Element& node) {
  size_t count = 1;
  for (const Element& item : node.items) {
    count += CountElements(item);
  }
  for (const auto& [key, value] : node.members) {
    count += CountElements(value);
  }
  return count;
}

size_t Depth(const Element& node) {
  size_t depth = 0;
  for (const Element& item : node.items) {
    depth = std::max(depth, Depth(item));
  }
  for (const auto& [key, value] : node.members) {
    depth = std::max(depth, Depth(value));
  }
  return depth + 1;
}

absl::Status TooDeep() {
  return absl::InvalidArgumentError(StrCat("lists and maps are nested deeper than ", kMaxDocumentDepth));
}

}  // namespace

const Element* Element::Find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) {
      return &value;
    }
  }
  return nullptr;
}

absl::Status TreeBuilder::Count(size_t nodes) {
  nodes_ += nodes;
  if (nodes_ > kMaxDocumentNodes) {
    return absl::InvalidArgumentError(StrCat("has more than ", kMaxDocumentNodes, " values"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Element*> TreeBuilder::Place() {
  RETURN_IF_ERROR(Count(1));
  if (open_.empty()) {
    if (has_root_) {
      return absl::InvalidArgumentError("has more than one document");
    }
    has_root_ = true;
    return &root_;
  }
  Element& top = *open_.back();
  return top.kind == Element::Kind::kList ? &top.items.emplace_back() : &top.members.back().value;
}

absl::Status TreeBuilder::Scalar(Element::Kind kind, std::string text) {
  ASSIGN_OR_RETURN(Element * node, Place());
  node->kind = kind;
  node->text = std::move(text);
  last_ = node;
  return absl::OkStatus();
}

absl::Status TreeBuilder::Begin(Element::Kind kind) {
  if (open_.size() >= kMaxDocumentDepth) {
    return TooDeep();
  }
  ASSIGN_OR_RETURN(Element * node, Place());
  node->kind = kind;
  open_.push_back(node);
  return absl::OkStatus();
}

absl::Status TreeBuilder::Key(std::string key) {
  RETURN_IF_ERROR(Count(1));
  Element& map = *open_.back();
  if (map.Find(key) != nullptr) {
    return absl::InvalidArgumentError(StrCat("\"", key, "\" stands twice in one map"));
  }
  // Looking through all keys is for the few that a specification has; it must not become quadratic work.
  constexpr size_t kMaxMembers = 4096;
  if (map.members.size() >= kMaxMembers) {
    return absl::InvalidArgumentError(StrCat("a map has more than ", kMaxMembers, " keys"));
  }
  map.members.push_back({std::move(key), Element()});
  return absl::OkStatus();
}

void TreeBuilder::End() {
  last_ = open_.back();
  open_.pop_back();
}

absl::Status TreeBuilder::Charge(const Element& node) { return Count(CountElements(node)); }

absl::Status TreeBuilder::Copy(const Element& node) {
  RETURN_IF_ERROR(Count(CountElements(node)));
  if (open_.size() + Depth(node) > kMaxDocumentDepth + 1) {
    return TooDeep();
  }
  ASSIGN_OR_RETURN(Element * place, Place());
  *place = node;
  last_ = place;
  return absl::OkStatus();
}

}  // namespace rkt::cdi
