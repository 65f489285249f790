// SPDX-License-Identifier: Apache-2.0
#include "rkt/selinux/categories.h"

#include <sys/random.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace rkt::selinux {
namespace {

using rktlet::base::StrCat;

constexpr uint32_t kCategories = 1024;
constexpr uint32_t kPairs = kCategories * (kCategories - 1) / 2;

std::string PairLevel(uint32_t low, uint32_t high) { return StrCat("s0:c", low, ",c", high); }

uint32_t Random(uint32_t below) {
  uint32_t number = 0;
  while (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
  }
  return number % below;
}

// Of every pod directory, those that are being made included. A record that cannot be read keeps no level: its pod has
// no container that could be started.
absl::StatusOr<std::set<std::string>> TakenLevels(const rktlet::spec::Layout& layout) {
  std::set<std::string> levels;
  auto names = rktlet::base::ListDirectory(layout.Pods());
  if (absl::IsNotFound(names.status())) {
    return levels;
  }
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    const auto text = rktlet::base::ReadFile(StrCat(layout.Pods(), "/", name, "/", rktlet::spec::kPodFile));
    if (!text.ok()) {
      continue;
    }
    const nlohmann::json record = nlohmann::json::parse(*text, nullptr, false);
    if (record.is_object() && record.contains("selinux_level") && record["selinux_level"].is_string()) {
      levels.insert(record["selinux_level"].get<std::string>());
    }
  }
  return levels;
}

}  // namespace

absl::StatusOr<std::string> ChooseLevel(const std::set<std::string>& taken,
                                        const std::function<uint32_t(uint32_t)>& random) {
  // The pairs in a row: (0,1) … (0,1023), (1,2) …; from any of them around.
  uint32_t index = random(kPairs);
  uint32_t low = 0;
  while (index >= kCategories - 1 - low) {
    index -= kCategories - 1 - low;
    ++low;
  }
  uint32_t high = low + 1 + index;
  for (uint32_t i = 0; i < kPairs; ++i) {
    std::string level = PairLevel(low, high);
    if (!taken.contains(level)) {
      return level;
    }
    if (++high == kCategories) {
      low = low + 2 == kCategories ? 0 : low + 1;
      high = low + 1;
    }
  }
  return absl::ResourceExhaustedError("every pair of SELinux categories belongs to a pod");
}

absl::StatusOr<ReservedLevel> ReserveLevel(const rktlet::spec::Layout& layout) {
  ASSIGN_OR_RETURN(auto lock, rktlet::base::FileLock::Exclusive(layout.dir() + "/selinux.lock"));
  ASSIGN_OR_RETURN(const std::set<std::string> taken, TakenLevels(layout));
  ASSIGN_OR_RETURN(std::string level, ChooseLevel(taken, Random));
  return ReservedLevel{std::move(level), std::move(lock)};
}

absl::StatusOr<PodLabels> LabelPod(const Policy& policy, const rktlet::spec::Layout& layout,
                                   const rktlet::spec::PodSecurity& security) {
  PodLabels labels;
  if (policy.enabled) {
    labels.level = security.selinux.level;
    if (labels.level.empty()) {
      ASSIGN_OR_RETURN(labels.reserved, ReserveLevel(layout));
      labels.level = labels.reserved->level;
    }
  }
  ASSIGN_OR_RETURN(const Labels made, MakeLabels(policy, security.selinux, security.privileged, labels.level));
  labels.files = made.mount;
  return labels;
}

}  // namespace rkt::selinux
