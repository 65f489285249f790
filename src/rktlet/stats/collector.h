// SPDX-License-Identifier: Apache-2.0
// What containers and pods use now: the kernel's counters, and the rate of CPU use since an earlier look. Keeps open
// directories and the earlier look of each, for as long as the pods are there. Loop thread only; reads only files of
// the kernel.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "rktlet/pods/directory.h"
#include "rktlet/stats/cgroup_reader.h"
#include "rktlet/stats/counters.h"
#include "rktlet/stats/disk_usage.h"
#include "rktlet/stats/network_reader.h"
#include "spec/layout.h"
#include "unit/cgroup.h"

namespace rktlet::stats {

struct ContainerSample {
  int64_t timestamp = 0;                     // ns since the epoch
  std::optional<GroupCounters> usage;        // absent when nothing of the container runs
  std::optional<uint64_t> usage_nano_cores;  // absent until there are two samples
  std::optional<Usage> writable_layer;       // absent until measured
  std::string writable_layer_path;
  std::string writable_layer_mount_point;
};

struct NetworkSample {
  int64_t timestamp = 0;
  std::vector<InterfaceCounters> interfaces;
};

struct PodSample {
  std::optional<GroupCounters> usage;
  std::optional<uint64_t> usage_nano_cores;
  std::optional<NetworkSample> network;  // absent with the host's network
  std::string control_group;             // its slice when that is its own, else that of its supervisor
};

// Which slices belong to one pod alone: the kubelet makes one for each pod, where other clients put pods side by side.
// Several attempts of one pod are one pod here.
class SliceOwners {
 public:
  explicit SliceOwners(const pods::Directory& directory);
  bool IsOwn(const spec::PodRecord& pod) const;

 private:
  std::map<std::string, std::set<std::string>> uids_;
};

class Collector {
 public:
  Collector(const base::Clock& clock, unit::Cgroups cgroups, spec::Layout layout, DiskUsage& disk,
            std::string proc = "/proc")
      : clock_(clock), cgroups_(std::move(cgroups)), layout_(std::move(layout)), disk_(disk), proc_(std::move(proc)) {}

  absl::StatusOr<ContainerSample> Sample(const pods::ContainerView& container, Detail detail = Detail::kStats);

  // Of the pod's slice where that is its own, with everything in it; else the sum of its supervisor and `containers`,
  // the samples of its running containers.
  PodSample SamplePod(const pods::PodView& pod, const SliceOwners& owners,
                      const std::vector<const ContainerSample*>& containers, Detail detail = Detail::kStats);

  // The processes of a container that was sampled; none when it has ended.
  std::vector<int> Processes(const pods::ContainerView& container) const;

  // Of all writable layers that were measured.
  Usage WritableLayers(const pods::Directory& directory);

  // Lets go of containers and pods that `directory` does not have any more.
  void Prune(const pods::Directory& directory);

  // Where the file system of all writable layers is mounted: looked up once, nobody mounts over running containers.
  const std::string& WritableLayersMountPoint();

  const base::Clock& clock() const { return clock_; }
  const std::string& proc() const { return proc_; }
  static std::string ControlGroup(const pods::ContainerView& container);

 private:
  struct Point {
    int64_t monotonic = 0;
    uint64_t cpu_nanos = 0;
    std::optional<uint64_t> rate;
  };
  // Of a container or a pod.
  struct Source {
    std::optional<CgroupReader> group;
    std::optional<NetworkReader> network;
    std::optional<Point> point;
  };

  absl::StatusOr<GroupCounters> Read(Source& source, const std::string& control_group, Detail detail);
  std::optional<uint64_t> Rate(Source& source, const Counter& cpu_nanos);
  std::string WritableLayer(const pods::ContainerView& container) const;

  const base::Clock& clock_;
  const unit::Cgroups cgroups_;
  const spec::Layout layout_;
  DiskUsage& disk_;
  const std::string proc_;
  std::string layers_mount_point_;
  std::map<std::string, Source> sources_;  // by id of the container or the pod
};

}  // namespace rktlet::stats
