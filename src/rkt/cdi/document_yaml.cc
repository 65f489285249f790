// SPDX-License-Identifier: Apache-2.0
// yaml-cpp's events rather than its nodes: with them a document that repeats itself through aliases ("a billion
// laughs") is counted while it grows.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <vector>

#include "base/strings.h"
#include "rkt/cdi/document.h"

namespace rkt::cdi {
namespace {

using rktlet::base::StrCat;

// Thrown through yaml-cpp's parser, which has no other way to be ended, and caught below.
struct Refused {
  YAML::Mark mark;
  absl::Status status;
};

std::string At(const YAML::Mark& mark, std::string_view text) {
  return mark.is_null() ? std::string(text) : StrCat("line ", mark.line + 1, ": ", text);
}

class Events final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (IsKey()) {
      Fail(mark, "a key has no text");
    }
    Check(mark, tree_.Scalar(Element::Kind::kNull, ""));
    Finished(mark, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (IsKey()) {
      Check(mark, tree_.Key(value));
      levels_.back().has_key = true;
      if (anchor != 0) {
        Fail(mark, "a key has an anchor");
      }
      return;
    }
    const bool plain = tag == "?" || tag.empty();
    const bool null = plain && (value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL");
    Check(mark, tree_.Scalar(null ? Element::Kind::kNull : (plain ? Element::Kind::kPlain : Element::Kind::kText),
                             null ? std::string() : value));
    Finished(mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (IsKey()) {
      Fail(mark, "a key is an alias");
    }
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      Fail(mark, "an alias stands inside of what it repeats");
    }
    Check(mark, tree_.Copy(known->second));
    Finished(mark, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Begin(mark, Element::Kind::kList, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Begin(mark, Element::Kind::kMap, anchor);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapEnd() override { End(); }

  Element Take() { return tree_.Take(); }

 private:
  struct Level {
    YAML::Mark mark;
    YAML::anchor_t anchor;
    bool has_key = false;  // of a map: the next node is a value
  };

  [[noreturn]] static void Fail(const YAML::Mark& mark, std::string_view text) {
    throw Refused{mark, absl::InvalidArgumentError(rktlet::base::ToAbsl(text))};
  }
  static void Check(const YAML::Mark& mark, const absl::Status& status) {
    if (!status.ok()) {
      throw Refused{mark, status};
    }
  }
  bool IsKey() const { return tree_.TopIsMap() && !levels_.back().has_key; }

  void Begin(const YAML::Mark& mark, Element::Kind kind, YAML::anchor_t anchor) {
    if (IsKey()) {
      Fail(mark, "a key is no text");
    }
    Check(mark, tree_.Begin(kind));
    levels_.push_back({mark, anchor});
  }
  void End() {
    tree_.End();
    const Level level = levels_.back();
    levels_.pop_back();
    Finished(level.mark, level.anchor);
  }
  // A value is complete: it is remembered for aliases, and the map around it, if any, expects a key again.
  void Finished(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (!levels_.empty()) {
      levels_.back().has_key = false;
    }
    if (anchor != 0) {
      constexpr size_t kMaxAnchors = 256;
      if (anchors_.size() >= kMaxAnchors) {
        Fail(mark, "there are too many anchors");
      }
      Check(mark, tree_.Charge(tree_.last()));
      anchors_[anchor] = tree_.last();
    }
  }

  TreeBuilder tree_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, Element> anchors_;
};

}  // namespace

absl::StatusOr<Element> ParseYaml(std::string_view text) {
  if (text.size() > kMaxDocumentSize) {
    return absl::InvalidArgumentError(StrCat("is larger than ", kMaxDocumentSize, " bytes"));
  }
  std::istringstream stream{std::string(text)};
  try {
    Events events;
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
    return events.Take();
  } catch (const Refused& refused) {
    return absl::InvalidArgumentError(At(refused.mark, rktlet::base::ToStd(refused.status.message())));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(StrCat("is not YAML: ", At(error.mark, error.msg)));
  }
}

}  // namespace rkt::cdi
