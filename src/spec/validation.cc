// SPDX-License-Identifier: Apache-2.0
// The rules that pods and containers share (common_fields.h).
#include <cctype>
#include <set>

#include "spec/common_fields.h"

namespace rktlet::spec {
namespace {

bool IsCpuList(const std::string& text) {
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0 && c != ',' && c != '-') {
      return false;
    }
  }
  return true;
}

// As the kernel names them in hugetlb.<size>.max: "64KB", "2MB", "1GB".
bool IsPageSize(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos || digits > 6) {
    return false;
  }
  const std::string unit = text.substr(digits);
  return unit == "KB" || unit == "MB" || unit == "GB";
}

// The name of a control group's attribute: "memory.high", and no path.
bool IsAttribute(const std::string& text) {
  const size_t dot = text.find('.');
  return dot != 0 && dot != std::string::npos && dot + 1 < text.size() && text.size() < 128 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") ==
             std::string::npos &&
         text.find("..") == std::string::npos;
}

void CheckUnified(Problems& problems, const std::string& where, const Resources& resources) {
  for (const auto& [attribute, value] : resources.unified) {
    const bool fine = IsAttribute(attribute);
    problems.Check(fine, where + ".unified: a key is no attribute of a control group such as \"memory.high\"");
    if (fine) {
      problems.Check(
          !attribute.starts_with("cgroup."),
          base::StrCat(where, ".unified.", attribute, ": belongs to systemd, which makes the control group"));
      problems.Check(!value.empty() && value.size() < 4096 && value.find('\0') == std::string::npos,
                     base::StrCat(where, ".unified.", attribute, ": the value is empty, too long, or has a NUL"));
    }
  }
}

// Whether [a, a+length) and [b, b+other) have an id in common.
bool Overlap(uint64_t a, uint64_t length, uint64_t b, uint64_t other) { return a < b + other && b < a + length; }

}  // namespace

bool IsLine(const std::string& text) { return text.find_first_of(std::string("\0\n\r", 3)) == std::string::npos; }

bool IsAbsolutePath(const std::string& path) {
  return !path.empty() && path[0] == '/' && path.size() < 4096 && path.find('\0') == std::string::npos;
}

void CheckResources(Problems& problems, const std::string& where, const Resources& resources) {
  const auto at_least = [&](const char* name, const std::optional<int64_t>& value, int64_t least) {
    problems.Check(!value.has_value() || *value >= least,
                   base::StrCat(where, ".", name, ": ", value.value_or(0), " is less than ", least));
  };
  // The kernel's own limits: 1 ms to 1 s for a period, 1 ms for a quota (kernel/sched/core.c).
  problems.Check(!resources.cpu_period || (*resources.cpu_period >= 1000 && *resources.cpu_period <= 1'000'000),
                 where + ".cpu_period: must be 1000 to 1000000 µs");
  constexpr int64_t kLongestQuota = 1'000'000'000'000;  // a million CPUs
  problems.Check(!resources.cpu_quota || *resources.cpu_quota == -1 ||
                     (*resources.cpu_quota >= 1000 && *resources.cpu_quota <= kLongestQuota),
                 where + ".cpu_quota: must be -1, or 1000 µs to 1000000 s");
  at_least("cpu_shares", resources.cpu_shares, 0);
  at_least("memory_limit", resources.memory_limit, -1);
  at_least("memory_swap_limit", resources.memory_swap_limit, -1);
  at_least("pids_limit", resources.pids_limit, -1);
  problems.Check(!resources.oom_score_adj || (*resources.oom_score_adj >= -1000 && *resources.oom_score_adj <= 1000),
                 where + ".oom_score_adj: must be -1000 to 1000");
  problems.Check(IsCpuList(resources.cpuset_cpus), where + ".cpuset_cpus: not a list such as \"0-3,7\"");
  problems.Check(IsCpuList(resources.cpuset_mems), where + ".cpuset_mems: not a list such as \"0-1\"");
  std::set<std::string> page_sizes;
  for (const HugepageLimit& limit : resources.hugepage_limits) {
    problems.Check(IsPageSize(limit.page_size), where + ".hugepage_limits: a page size is not one such as \"2MB\"");
    problems.Check(page_sizes.insert(limit.page_size).second,
                   where + ".hugepage_limits: a page size stands there twice");
  }
  CheckUnified(problems, where, resources);
  if (resources.memory_swap_limit.value_or(-1) >= 0 && resources.memory_limit.value_or(-1) > 0) {
    problems.Check(*resources.memory_swap_limit == 0 || *resources.memory_swap_limit >= *resources.memory_limit,
                   where + ".memory_swap_limit: counts memory and swap together and must not be below memory_limit");
  }
}

void CheckProfile(Problems& problems, const std::string& where, const SecurityProfile& profile) {
  problems.Check((profile.type == ProfileType::kLocalhost) == !profile.localhost_ref.empty(),
                 where + ": localhost_ref belongs to the type localhost, and to no other");
}

void CheckIdMappings(Problems& problems, const std::string& where, const std::vector<IdMapping>& mappings) {
  constexpr uint64_t kIds = 0xffffffff;  // the last 32-bit number is no id
  constexpr size_t kMostMappings = 340;  // the kernel's UID_GID_MAP_MAX_EXTENTS
  problems.Check(mappings.size() <= kMostMappings, base::StrCat(where, ": more than ", kMostMappings, " ranges"));
  if (mappings.size() > kMostMappings) {
    return;
  }
  for (size_t i = 0; i < mappings.size(); ++i) {
    const IdMapping& mapping = mappings[i];
    const std::string range = base::StrCat(where, "[", i, "]");
    problems.Check(mapping.length > 0, range + ".length: must be above 0");
    problems.Check(
        uint64_t{mapping.host_id} + mapping.length <= kIds && uint64_t{mapping.container_id} + mapping.length <= kIds,
        range + ": reaches beyond the last id, 4294967294");
    for (size_t j = 0; j < i; ++j) {
      const IdMapping& other = mappings[j];
      problems.Check(!Overlap(mapping.host_id, mapping.length, other.host_id, other.length) &&
                         !Overlap(mapping.container_id, mapping.length, other.container_id, other.length),
                     base::StrCat(range, ": overlaps ", where, "[", j, "]"));
    }
  }
}

}  // namespace rktlet::spec
