// SPDX-License-Identifier: Apache-2.0
#include "unit/resource_properties.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "base/strings.h"

namespace rktlet::unit {
namespace {

using systemd::kInfinity;
using systemd::Property;
using systemd::PropertyValue;

constexpr uint64_t kDefaultPeriodUsec = 100'000;
constexpr uint64_t kUsecPerSec = 1'000'000;
// systemd 252 keeps CPUQuota= as a whole percentage: anything finer is lost at the next daemon-reload, and less than
// one percent becomes no limit at all. Rounded up, never down, so that nobody gets less than was asked for.
constexpr uint64_t kQuotaStep = kUsecPerSec / 100;

// Properties by name, so that a later source replaces an earlier one.
using PropertyMap = std::map<std::string, PropertyValue>;

uint64_t LimitOf(int64_t value) { return value < 0 ? kInfinity : static_cast<uint64_t>(value); }

void AddCpu(const spec::Resources& resources, CgroupVersion version, PropertyMap& properties) {
  const uint64_t period =
      resources.cpu_period.has_value() ? static_cast<uint64_t>(*resources.cpu_period) : kDefaultPeriodUsec;
  if (resources.cpu_quota.has_value()) {
    uint64_t per_second = kInfinity;
    if (*resources.cpu_quota > 0) {
      const uint64_t exact = (static_cast<uint64_t>(*resources.cpu_quota) * kUsecPerSec + period - 1) / period;
      per_second = (exact + kQuotaStep - 1) / kQuotaStep * kQuotaStep;
    }
    properties["CPUQuotaPerSecUSec"] = per_second;
  }
  if (resources.cpu_period.has_value()) {
    properties["CPUQuotaPeriodUSec"] = period;
  }
  if (resources.cpu_shares.value_or(0) > 0) {
    const int64_t shares = std::clamp<int64_t>(*resources.cpu_shares, 2, 262144);
    if (version == CgroupVersion::kV2) {
      properties["CPUWeight"] = CpuWeightOfShares(shares);
    } else {
      properties["CPUShares"] = static_cast<uint64_t>(shares);  // on v1 it wins over CPUWeight
    }
  }
}

absl::Status AddMemory(const spec::Resources& resources, CgroupVersion version, PropertyMap& properties) {
  const int64_t limit = resources.memory_limit.value_or(0);
  if (limit != 0) {
    properties["MemoryMax"] = LimitOf(limit);
  }
  const int64_t swap = resources.memory_swap_limit.value_or(0);
  if (swap == 0 || version == CgroupVersion::kV1) {
    return absl::OkStatus();  // v1 counts memory and swap together, which no property of systemd expresses
  }
  if (swap > 0 && (limit <= 0 || swap < limit)) {
    return absl::InvalidArgumentError(base::StrCat(
        "memory_swap_limit ", swap, " counts memory and swap together and must not be below memory_limit ", limit));
  }
  properties["MemorySwapMax"] = swap < 0 ? kInfinity : static_cast<uint64_t>(swap - limit);
  return absl::OkStatus();
}

absl::Status AddCpuset(const spec::Resources& resources, PropertyMap& properties) {
  if (!resources.cpuset_cpus.empty()) {
    auto mask = systemd::CpuSetBytes(resources.cpuset_cpus);
    RETURN_IF_ERROR(base::Annotate(mask.status(), "cpuset_cpus"));
    properties["AllowedCPUs"] = *std::move(mask);
  }
  if (!resources.cpuset_mems.empty()) {
    auto mask = systemd::CpuSetBytes(resources.cpuset_mems);
    RETURN_IF_ERROR(base::Annotate(mask.status(), "cpuset_mems"));
    properties["AllowedMemoryNodes"] = *std::move(mask);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ParseUnifiedLimit(const std::string& attribute, const std::string& value) {
  uint64_t number = 0;
  if (value == "max") {
    return kInfinity;
  }
  if (!absl::SimpleAtoi(value, &number)) {
    return absl::InvalidArgumentError(base::StrCat("unified ", attribute, ": \"", value, "\" is no number"));
  }
  return number;
}

absl::Status AddUnified(const spec::Resources& resources, CgroupVersion version, PropertyMap& properties) {
  static const std::map<std::string, std::string> kAttributes = {
      {"cpu.weight", "CPUWeight"}, {"memory.high", "MemoryHigh"}, {"memory.low", "MemoryLow"},
      {"memory.max", "MemoryMax"}, {"memory.min", "MemoryMin"},   {"memory.swap.max", "MemorySwapMax"},
      {"pids.max", "TasksMax"},
  };
  for (const auto& [attribute, value] : resources.unified) {
    if (version == CgroupVersion::kV1) {
      return absl::FailedPreconditionError(
          base::StrCat("unified ", attribute, ": this machine runs cgroup v1, unified attributes need v2"));
    }
    if (attribute == "memory.oom.group") {
      if (value != "0" && value != "1") {
        return absl::InvalidArgumentError("unified memory.oom.group: must be 0 or 1");
      }
      continue;  // OOMPolicy= of the unit, which cannot change after the start
    }
    const auto found = kAttributes.find(attribute);
    if (found == kAttributes.end()) {
      return absl::UnimplementedError(
          base::StrCat("unified ", attribute, ": systemd has no property for it, so it is not supported"));
    }
    ASSIGN_OR_RETURN(properties[found->second], ParseUnifiedLimit(attribute, value));
  }
  return absl::OkStatus();
}

absl::Status CheckHugepages(const spec::Resources& resources) {
  for (const spec::HugepageLimit& limit : resources.hugepage_limits) {
    // The kubelet names every page size with 0 for a pod that asks for none, and limits the pod's slice itself.
    if (limit.limit != 0) {
      return absl::UnimplementedError(
          base::StrCat("hugepage_limits ", limit.page_size, ": limits of huge pages are not supported"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t CpuWeightOfShares(int64_t shares) {
  const int64_t clamped = std::clamp<int64_t>(shares, 2, 262144);
  return static_cast<uint64_t>(1 + ((clamped - 2) * 9999) / 262142);
}

absl::StatusOr<std::vector<Property>> ResourceProperties(const spec::Resources& resources, CgroupVersion version) {
  PropertyMap properties;
  AddCpu(resources, version, properties);
  RETURN_IF_ERROR(AddMemory(resources, version, properties));
  RETURN_IF_ERROR(AddCpuset(resources, properties));
  if (resources.pids_limit.value_or(0) != 0) {
    properties["TasksMax"] = LimitOf(*resources.pids_limit);
  }
  RETURN_IF_ERROR(CheckHugepages(resources));
  RETURN_IF_ERROR(AddUnified(resources, version, properties));
  std::vector<Property> list;
  list.reserve(properties.size());
  for (auto& [name, value] : properties) {
    list.push_back({name, std::move(value)});
  }
  return list;
}

}  // namespace rktlet::unit
