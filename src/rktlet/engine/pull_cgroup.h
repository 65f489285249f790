// SPDX-License-Identifier: Apache-2.0
// The cgroup of image pulls, inside the daemon's own delegated one, with a memory limit: a pull that runs away ends
// alone, its page cache is not the daemon's, and it dies with the service. For cgroup v1 and v2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace rktlet::engine {

class PullCgroup {
 public:
  // Without one: pulls run where the daemon runs.
  PullCgroup() = default;

  // Makes `pulls` below the cgroup that `self_cgroup` (the text of /proc/self/cgroup) names. On v2 a group with
  // children that have controllers may hold no process, so that the caller moves to a sibling `daemon` first.
  // FailedPrecondition when the group is not ours (not delegated by systemd to this service).
  static absl::StatusOr<PullCgroup> Create(const std::string& self_cgroup, const std::string& root = "/sys/fs/cgroup");

  // bytes; 0: no limit. Of all pulls together.
  absl::Status SetMemoryLimit(uint64_t bytes) const;

  bool valid() const { return !directory_.empty(); }
  const std::string& directory() const { return directory_; }
  // A process that is to be in the group writes 0 to it.
  std::string ProcsFile() const { return directory_ + "/cgroup.procs"; }
  // The number of times that the kernel killed in the group for its limit.
  uint64_t OomKills() const;

 private:
  PullCgroup(std::string directory, bool v2) : directory_(std::move(directory)), v2_(v2) {}

  std::string directory_;
  bool v2_ = false;
};

}  // namespace rktlet::engine
