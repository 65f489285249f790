// SPDX-License-Identifier: Apache-2.0
#include "unit/resource_properties.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/strings.h"
#include "unit/unified_properties.h"

namespace rktlet::unit {
namespace {

using systemd::kInfinity;
using systemd::Property;
using systemd::PropertyValue;

uint64_t LimitOf(int64_t value) { return value < 0 ? kInfinity : static_cast<uint64_t>(value); }

void AddCpu(const spec::Resources& resources, CgroupVersion version, PropertyMap& properties) {
  const uint64_t period =
      resources.cpu_period.has_value() ? static_cast<uint64_t>(*resources.cpu_period) : kDefaultCpuPeriodUsec;
  if (resources.cpu_quota.has_value()) {
    properties["CPUQuotaPerSecUSec"] =
        *resources.cpu_quota > 0 ? QuotaPerSecond(static_cast<uint64_t>(*resources.cpu_quota), period) : kInfinity;
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
  if (version == CgroupVersion::kV1) {
    return absl::OkStatus();  // it counts memory and swap together, which no property of systemd expresses
  }
  if (swap == 0) {
    if (limit > 0) {
      properties["MemorySwapMax"] = uint64_t{0};  // a limit of memory is one, unless swap is asked for beside it
    }
    return absl::OkStatus();
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
  RETURN_IF_ERROR(AddUnifiedProperties(resources, version, properties));
  std::vector<Property> list;
  list.reserve(properties.size());
  for (auto& [name, value] : properties) {
    list.push_back({name, std::move(value)});
  }
  return list;
}

}  // namespace rktlet::unit
