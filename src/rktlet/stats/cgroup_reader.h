// SPDX-License-Identifier: Apache-2.0
// The counters of one control group, read relative to directory descriptors that stay open: no path is walked and no
// bus is asked at a call. A descriptor of a directory that was removed finds no files, so that a group that has gone,
// or has been made anew, is noticed by reading it.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "rktlet/stats/counters.h"
#include "unit/cgroup.h"

namespace rktlet::stats {

enum class Detail : uint8_t {
  kStats,  // what CRI's statistics show
  kAll,    // with what only metrics show
};

class CgroupReader {
 public:
  CgroupReader(const unit::Cgroups& cgroups, std::string control_group);
  const std::string& control_group() const { return control_group_; }

  // NotFound when the group does not exist (any more).
  absl::StatusOr<GroupCounters> Read(const base::Clock& clock, Detail detail);

  // The processes of the group and of all groups below. NotFound as above.
  absl::StatusOr<std::vector<int>> Processes() const;

 private:
  // Index of a hierarchy's directory; all the same one on v2.
  struct Directories {
    base::UniqueFd main;     // v2: the group; v1: memory
    base::UniqueFd unified;  // v1: systemd's v2 hierarchy, which counts CPU time and pressure
    base::UniqueFd cpuacct;
    base::UniqueFd cpu;
    base::UniqueFd pids;
    base::UniqueFd blkio;
    base::UniqueFd systemd;
  };

  absl::Status Open();
  // False when the group has gone.
  bool ReadV1(const base::Clock& clock, Detail detail, GroupCounters& counters) const;
  bool ReadV2(const base::Clock& clock, Detail detail, GroupCounters& counters) const;

  unit::Cgroups cgroups_;
  std::string control_group_;
  Directories directories_;
};

}  // namespace rktlet::stats
