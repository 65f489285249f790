// SPDX-License-Identifier: Apache-2.0
// Names of pods and containers as value types: made only by a Parse that validates, so that one in hand can stand in a
// path, a unit name or a command line.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/status.h"

namespace rktlet::spec {

// A pod's id: 64 lower-case hex digits (rktlet's) or a UUID (the engine's own).
class PodId {
 public:
  PodId() = default;
  static absl::StatusOr<PodId> Parse(std::string_view text);
  static PodId MakeHex();   // 64 random hex digits, as CRI's clients expect
  static PodId MakeUuid();  // version 4, as the engine makes them by hand

  const std::string& str() const { return text_; }
  std::string ShortForm() const { return text_.substr(0, 12); }  // of a UUID too: its dashes count
  bool empty() const { return text_.empty(); }
  auto operator<=>(const PodId&) const = default;

 private:
  explicit PodId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// A container's id, unique on the machine: as PodId. It is crun's container id as well.
class ContainerId {
 public:
  ContainerId() = default;
  static absl::StatusOr<ContainerId> Parse(std::string_view text);
  static ContainerId MakeHex();

  const std::string& str() const { return text_; }
  std::string ShortForm() const { return text_.substr(0, 12); }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const ContainerId&) const = default;

 private:
  explicit ContainerId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The name of an app in its pod, ^[a-z0-9]+(-[a-z0-9]+)*$, at most 64 bytes: a directory of that name holds it. rktlet
// uses the container's id.
class AppName {
 public:
  AppName() = default;
  static absl::StatusOr<AppName> Parse(std::string_view text);

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const AppName&) const = default;

 private:
  explicit AppName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

template <typename H>
H AbslHashValue(H hash, const PodId& id) {
  return H::combine(std::move(hash), id.str());
}
template <typename H>
H AbslHashValue(H hash, const ContainerId& id) {
  return H::combine(std::move(hash), id.str());
}

}  // namespace rktlet::spec
