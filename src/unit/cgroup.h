// SPDX-License-Identifier: Apache-2.0
// The one interface over cgroup v1 (hybrid, as systemd mounts it) and v2: where a unit's groups are, which files a
// process writes itself into, and the counters that containers are asked about. Kernel: admin-guide/cgroup-v1 and
// cgroup-v2.rst.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace rktlet::unit {

enum class CgroupVersion : uint8_t { kV1, kV2 };

struct CgroupUsage {
  std::optional<uint64_t> cpu_usage_nanos;
  std::optional<uint64_t> memory_usage;        // bytes, page cache included
  std::optional<uint64_t> memory_working_set;  // usage less inactive file cache, as cAdvisor computes it
  std::optional<uint64_t> memory_rss;          // anonymous memory
  std::optional<uint64_t> memory_limit;        // absent: none
  std::optional<uint64_t> page_faults;
  std::optional<uint64_t> major_page_faults;
  std::optional<uint64_t> swap_usage;
  std::optional<uint64_t> swap_limit;  // of swap alone; absent: none
  std::optional<uint64_t> pids;
};

class Cgroups {
 public:
  // Looks at how `root` (/sys/fs/cgroup) is mounted: v2 when it is a cgroup2 file system itself, else v1.
  static absl::StatusOr<Cgroups> Detect(std::string root = "/sys/fs/cgroup");
  Cgroups(CgroupVersion version, std::string root) : version_(version), root_(std::move(root)) {}

  CgroupVersion version() const { return version_; }

  // The cgroup path of a unit in a slice, as systemd's ControlGroup property gives it: "kubepods-pod1.slice",
  // "x.service" →
  // "/kubepods.slice/kubepods-pod1.slice/x.service". "-.slice" and "" are the root.
  static std::string ControlGroup(const std::string& slice, const std::string& unit);

  // Directory of the memory controller's group, where OOM is watched: absolute.
  std::string MemoryDirectory(const std::string& control_group) const;

  // Every cgroup.procs file that a process has to write "0" into to be in the group wholly: one on v2; on v1 one per
  // hierarchy in which the group exists, the systemd one first.
  std::vector<std::string> ProcsFiles(const std::string& control_group) const;

  // The processes of the group and of all groups below. NotFound when the group does not exist (nothing runs there).
  absl::StatusOr<std::vector<int>> Processes(const std::string& control_group) const;

  // Counters of the group. NotFound when it does not exist; a single counter the kernel lacks stays absent.
  absl::StatusOr<CgroupUsage> Usage(const std::string& control_group) const;

 private:
  std::string V1Directory(const std::string& controller, const std::string& control_group) const;

  CgroupVersion version_;
  std::string root_;
};

}  // namespace rktlet::unit
