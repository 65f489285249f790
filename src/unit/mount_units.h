// SPDX-License-Identifier: Apache-2.0
// The mount units that hold given paths, so that a container can be ordered after its volumes: at shutdown it then ends
// before they are unmounted.
#pragma once

#include <string>
#include <vector>

namespace rktlet::unit {

// Names of the mount units of the file systems that the paths are on, by the mount table (default: this process's),
// sorted, each once; not of the root file system. Empty when the table cannot be read: the order at shutdown is the
// only loss.
std::vector<std::string> MountUnitsOf(const std::vector<std::string>& paths,
                                      const std::string& mount_table = "/proc/self/mountinfo");

// As `systemd-escape --path --suffix=mount`: "/var/lib/x" → "var-lib-x.mount".
std::string MountUnitName(const std::string& mount_point);

}  // namespace rktlet::unit
