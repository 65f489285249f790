// SPDX-License-Identifier: Apache-2.0
#include "spec/resource_documents.h"

#include <algorithm>

#include "spec/common_fields.h"

namespace rktlet::spec {

template <typename Visitor, FieldsOf<PodResources> T>
void Fields(Visitor& visit, T& resources) {
  visit("overhead", resources.overhead);
  visit("resources", resources.resources);
}

namespace {

template <typename T>
void Take(std::optional<T>& base, const std::optional<T>& update) {
  if (update.has_value()) {
    base = update;
  }
}

void Take(std::string& base, const std::string& update) {
  if (!update.empty()) {
    base = update;
  }
}

}  // namespace

Resources Merge(Resources base, const Resources& update) {
  Take(base.cpu_period, update.cpu_period);
  Take(base.cpu_quota, update.cpu_quota);
  Take(base.cpu_shares, update.cpu_shares);
  Take(base.memory_limit, update.memory_limit);
  Take(base.memory_swap_limit, update.memory_swap_limit);
  Take(base.oom_score_adj, update.oom_score_adj);
  Take(base.cpuset_cpus, update.cpuset_cpus);
  Take(base.cpuset_mems, update.cpuset_mems);
  Take(base.pids_limit, update.pids_limit);
  for (const HugepageLimit& limit : update.hugepage_limits) {
    const auto same = std::find_if(base.hugepage_limits.begin(), base.hugepage_limits.end(),
                                   [&](const HugepageLimit& known) { return known.page_size == limit.page_size; });
    if (same != base.hugepage_limits.end()) {
      same->limit = limit.limit;
    } else {
      base.hugepage_limits.push_back(limit);
    }
  }
  for (const auto& [attribute, value] : update.unified) {
    base.unified[attribute] = value;
  }
  return base;
}

PodResources Merge(PodResources base, const PodResources& update) {
  Take(base.overhead, update.overhead);
  Take(base.resources, update.resources);
  return base;
}

absl::Status Validate(const Resources& resources) {
  Problems problems;
  CheckResources(problems, "resources", resources);
  return problems.ToStatus();
}

absl::Status Validate(const PodResources& resources) {
  Problems problems;
  if (resources.overhead.has_value()) {
    CheckResources(problems, "overhead", *resources.overhead);
  }
  if (resources.resources.has_value()) {
    CheckResources(problems, "resources", *resources.resources);
  }
  return problems.ToStatus();
}

absl::StatusOr<Resources> ParseResources(const std::string& json) {
  ASSIGN_OR_RETURN(Resources resources, internal::ReadDocument<Resources>(json, "resources"));
  RETURN_IF_ERROR(Validate(resources));
  return resources;
}

absl::StatusOr<PodResources> ParsePodResources(const std::string& json) {
  ASSIGN_OR_RETURN(PodResources resources, internal::ReadDocument<PodResources>(json, "pod resources"));
  RETURN_IF_ERROR(base::Annotate(Validate(resources), "pod resources"));
  return resources;
}

std::string ToJson(const Resources& resources) { return internal::WriteDocument(resources); }
std::string ToJson(const PodResources& resources) { return internal::WriteDocument(resources); }

}  // namespace rktlet::spec
