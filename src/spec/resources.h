// SPDX-License-Identifier: Apache-2.0
// What a container may use: CRI's LinuxContainerResources as a plain struct. Absent means not asked for; CRI's 0 means
// the same and is mapped to absent by whoever reads CRI.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace rktlet::spec {

struct HugepageLimit {
  std::string page_size;  // as the kernel names it: "2MB", "1GB"
  uint64_t limit = 0;     // bytes
  bool operator==(const HugepageLimit&) const = default;
};

struct Resources {
  std::optional<int64_t> cpu_period;         // µs, of cpu_quota; the kernel's default is 100000
  std::optional<int64_t> cpu_quota;          // µs of CPU time in a period; -1: no limit
  std::optional<int64_t> cpu_shares;         // cgroup v1 shares, 2…262144
  std::optional<int64_t> memory_limit;       // bytes; -1: no limit
  std::optional<int64_t> memory_swap_limit;  // bytes of memory and swap together, as CRI has it; -1: no limit
  std::optional<int64_t> oom_score_adj;      // -1000…1000
  std::string cpuset_cpus;                   // "0-3,7"; empty: all
  std::string cpuset_mems;
  std::optional<int64_t> pids_limit;  // processes and threads; -1: no limit
  std::vector<HugepageLimit> hugepage_limits;
  std::map<std::string, std::string> unified;  // cgroup v2 attribute → value
  bool operator==(const Resources&) const = default;
};

}  // namespace rktlet::spec
