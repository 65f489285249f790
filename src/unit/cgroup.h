// SPDX-License-Identifier: Apache-2.0
// The one interface over cgroup v1 (hybrid, as systemd mounts it) and v2: where a unit's groups are and which files a
// process writes itself into. Kernel: admin-guide/cgroup-v1 and cgroup-v2.rst.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace rktlet::unit {

enum class CgroupVersion : uint8_t { kV1, kV2 };

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

  // The group's directory, absolute: in the hierarchy of `controller` ("memory", "unified", …) on v1, the only one on
  // v2.
  std::string Directory(const std::string& controller, const std::string& control_group) const;

  // Directory of the memory controller's group, where OOM is watched: absolute.
  std::string MemoryDirectory(const std::string& control_group) const;

  // Every cgroup.procs file that a process has to write "0" into to be in the group wholly: one on v2; on v1 one per
  // hierarchy in which the group exists, the systemd one first.
  std::vector<std::string> ProcsFiles(const std::string& control_group) const;

  // The processes of the group and of all groups below. NotFound when the group does not exist (nothing runs there).
  absl::StatusOr<std::vector<int>> Processes(const std::string& control_group) const;

 private:
  CgroupVersion version_;
  std::string root_;
};

}  // namespace rktlet::unit
