// SPDX-License-Identifier: Apache-2.0
// Limits that no property of systemd expresses (huge pages, and attributes of cgroup v2 by name): written into the
// unit's control group itself. systemd leaves attributes and controllers alone that it does not know, so they stay
// through a daemon-reload and through changes of properties. v2 only.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "spec/resources.h"
#include "unit/cgroup.h"

namespace rktlet::unit {

struct ResourceFile {
  std::string controller;  // "hugetlb"
  std::string name;        // "hugetlb.2MB.max"
  std::string value;       // may have several lines, each of which is one write
  bool optional = false;   // only where the file is there already
  bool operator==(const ResourceFile&) const = default;
};

// FailedPrecondition, with a sentence, for what this machine cannot enforce: cgroup v1, no such controller, no such
// page size. `page_sizes` is where the kernel lists them.
absl::StatusOr<std::vector<ResourceFile>> ResourceFiles(const spec::Resources& resources, const Cgroups& cgroups,
                                                        const std::string& page_sizes = "/sys/kernel/mm/hugepages");

// Enables the controllers that are missing, from the root down to the group's parent, and writes the files.
// InvalidArgument names the attribute whose value the kernel refuses. All or nothing.
absl::Status WriteResourceFiles(const std::vector<ResourceFile>& files, const Cgroups& cgroups,
                                const std::string& control_group);

}  // namespace rktlet::unit
