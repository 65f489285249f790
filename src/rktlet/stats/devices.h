// SPDX-License-Identifier: Apache-2.0
// Names of block devices as people know them, and the size of the file system that a directory stands in.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>

#include "base/status.h"

namespace rktlet::stats {

class DeviceNames {
 public:
  explicit DeviceNames(std::string sys = "/sys") : sys_(std::move(sys)) {}

  // "/dev/sda1"; "8:1" when the kernel has no such block device.
  const std::string& Name(uint32_t major, uint32_t minor);

 private:
  const std::string sys_;
  std::map<std::pair<uint32_t, uint32_t>, std::string> names_;
};

struct Filesystem {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  uint64_t inodes_free = 0;
  uint32_t major = 0;
  uint32_t minor = 0;
};

absl::StatusOr<Filesystem> LookAtFilesystem(const std::string& directory);

// Where the file system is mounted that the directory stands in, or would: the highest directory above that is on the
// same device. Two directories on one disk have one answer.
std::string MountPointOf(std::string directory);

}  // namespace rktlet::stats
