// SPDX-License-Identifier: Apache-2.0
#include "unit/update_container.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "unit/oom_score.h"
#include "unit/resource_files.h"
#include "unit/resource_properties.h"
#include "unit/unit_names.h"

namespace rktlet::unit {
namespace {

namespace asio = boost::asio;
using base::StrCat;
using systemd::Property;

// What is to be changed, and back.
struct Change {
  std::vector<Property> properties;
  std::vector<ResourceFile> files;
  std::optional<int64_t> oom_score;
};

// All of `to`, not only what differs: a limit that somebody changed by hand is set again.
absl::StatusOr<Change> ChangeTo(const spec::Resources& from, const spec::Resources& to, const Cgroups& cgroups) {
  Change change;
  ASSIGN_OR_RETURN(change.properties, ResourceProperties(to, cgroups.version()));
  ASSIGN_OR_RETURN(const std::vector<Property> old, ResourceProperties(from, cgroups.version()));
  for (const Property& property : old) {
    const bool stays = std::any_of(change.properties.begin(), change.properties.end(),
                                   [&](const Property& other) { return other.name == property.name; });
    if (!stays) {
      change.properties.push_back({property.name, DefaultOf(property.name)});
    }
  }
  ASSIGN_OR_RETURN(change.files, ResourceFiles(to, cgroups));
  if (to.oom_score_adj != from.oom_score_adj) {
    change.oom_score = to.oom_score_adj.value_or(0);
  }
  return change;
}

std::string OomGroup(const spec::Resources& resources) {
  const auto group = resources.unified.find("memory.oom.group");
  return group == resources.unified.end() ? "0" : group->second;
}

// The kernel refuses on v1 what a container is above of already, and systemd only writes that into its log.
absl::Status CheckMemory(const spec::Resources& resources, const Cgroups& cgroups, const std::string& group) {
  const int64_t limit = resources.memory_limit.value_or(0);
  if (cgroups.version() != CgroupVersion::kV1 || limit <= 0) {
    return absl::OkStatus();
  }
  const std::string directory = cgroups.MemoryDirectory(group);
  const absl::StatusOr<std::string> now = base::ReadFile(directory + "/memory.limit_in_bytes");
  int64_t bytes = 0;
  if (!now.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*now), &bytes) || bytes <= limit) {
    return absl::OkStatus();  // rounded down to whole pages, or the group is gone
  }
  const absl::StatusOr<std::string> usage = base::ReadFile(directory + "/memory.usage_in_bytes");
  return absl::FailedPreconditionError(StrCat("memory_limit ", limit, ": the container uses ",
                                              usage.ok() ? std::string(absl::StripAsciiWhitespace(*usage)) : "more",
                                              " bytes, which the kernel cannot take back"));
}

asio::awaitable<absl::Status> SetProperties(systemd::Manager& manager, systemd::UnitName unit,
                                            std::vector<Property> properties) {
  if (properties.empty()) {
    co_return absl::OkStatus();
  }
  absl::Status status = co_await manager.SetUnitProperties(unit, std::move(properties));
  if (absl::IsNotFound(status)) {
    status = absl::FailedPreconditionError(StrCat("unit ", unit.str(), " is gone"));
  }
  co_return status;
}

// Behind the properties, because a change of those makes systemd write what it knows anew.
absl::Status ApplyFiles(const Change& change, const spec::Resources& after, const Cgroups& cgroups,
                        const std::string& group) {
  RETURN_IF_ERROR(CheckMemory(after, cgroups, group));
  RETURN_IF_ERROR(WriteResourceFiles(change.files, cgroups, group));
  return change.oom_score.has_value() ? SetOomScore(cgroups, group, *change.oom_score) : absl::OkStatus();
}

}  // namespace

absl::Status CheckResources(const spec::Resources& resources, const Cgroups& cgroups) {
  RETURN_IF_ERROR(spec::Validate(resources));
  RETURN_IF_ERROR(ResourceProperties(resources, cgroups.version()).status());
  return ResourceFiles(resources, cgroups).status();
}

absl::Status CheckUpdate(const spec::Resources& before, const spec::Resources& after, const Cgroups& cgroups) {
  RETURN_IF_ERROR(CheckResources(after, cgroups));
  if (OomGroup(before) != OomGroup(after)) {
    return absl::FailedPreconditionError(
        "unified memory.oom.group: is the unit's OOMPolicy=, which cannot change after the start");
  }
  return absl::OkStatus();
}

asio::awaitable<absl::Status> ApplyResources(systemd::Manager& manager, Cgroups cgroups, spec::PodRecord pod,
                                             spec::ContainerRecord container, spec::Resources before,
                                             spec::Resources after) {
  const systemd::UnitName unit = ContainerUnitName(pod.spec, container.spec);
  const std::string group = Cgroups::ControlGroup(PodSlice(pod.spec), unit.str());
  const absl::StatusOr<Change> forth = ChangeTo(before, after, cgroups);
  const absl::StatusOr<Change> back = ChangeTo(after, before, cgroups);
  CO_RETURN_IF_ERROR(forth.status());
  CO_RETURN_IF_ERROR(back.status());
  std::vector<Property> properties = forth->properties;
  absl::Status status = co_await SetProperties(manager, unit, std::move(properties));
  if (!status.ok()) {
    // systemd looks at all of them before it takes one; only an answer that was lost leaves us not knowing.
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) {
      co_return status;
    }
  } else {
    status = ApplyFiles(*forth, after, cgroups, group);
    if (status.ok()) {
      co_return status;
    }
  }
  std::vector<Property> old_properties = back->properties;
  absl::Status undone = co_await SetProperties(manager, unit, std::move(old_properties));
  if (undone.ok()) {
    undone = ApplyFiles(*back, before, cgroups, group);
  }
  if (!undone.ok()) {
    base::journal::Warning("Limits of a container could not be taken back", {{"UNIT", unit.str()}, {"ERROR", undone}});
  }
  co_return status;
}

}  // namespace rktlet::unit
