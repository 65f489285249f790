// SPDX-License-Identifier: Apache-2.0
// What containers use now: counters of their cgroups, and the rate of CPU use since an earlier look. Loop thread only;
// reads only files of the kernel.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "rktlet/pods/directory.h"
#include "rktlet/stats/disk_usage.h"
#include "spec/layout.h"
#include "unit/cgroup.h"

namespace rktlet::stats {

struct ContainerSample {
  int64_t timestamp = 0;                     // ns since the epoch
  std::optional<unit::CgroupUsage> usage;    // absent when nothing of the container runs
  std::optional<uint64_t> usage_nano_cores;  // absent until there are two samples
  std::optional<Usage> writable_layer;       // absent until measured
  std::string writable_layer_path;
};

class Collector {
 public:
  Collector(const base::Clock& clock, unit::Cgroups cgroups, spec::Layout layout, DiskUsage& disk)
      : clock_(clock), cgroups_(std::move(cgroups)), layout_(std::move(layout)), disk_(disk) {}

  absl::StatusOr<ContainerSample> Sample(const pods::ContainerView& container);

  // Of all writable layers that were measured.
  Usage WritableLayers(const pods::Directory& directory);

  // Lets go of containers that `directory` does not have any more.
  void Prune(const pods::Directory& directory);

 private:
  struct Point {
    int64_t monotonic = 0;
    uint64_t cpu_nanos = 0;
    std::optional<uint64_t> rate;
  };

  std::optional<uint64_t> Rate(const std::string& id, uint64_t cpu_nanos);
  std::string WritableLayer(const pods::ContainerView& container) const;

  const base::Clock& clock_;
  const unit::Cgroups cgroups_;
  const spec::Layout layout_;
  DiskUsage& disk_;
  std::map<std::string, Point> points_;
};

}  // namespace rktlet::stats
