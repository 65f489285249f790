// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/collector.h"

#include "base/journal.h"
#include "rktlet/stats/devices.h"
#include "unit/unit_names.h"

namespace rktlet::stats {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::chrono::seconds kLayerAge(60);

void Add(Counter& sum, const Counter& value) {
  if (value.has_value()) {
    sum = sum.value_or(0) + *value;
  }
}

// Of what can be added. Limits, highest values and pressure cannot.
void Add(GroupCounters& sum, const GroupCounters& part) {
  Add(sum.cpu.usage_nanos, part.cpu.usage_nanos);
  Add(sum.cpu.user_nanos, part.cpu.user_nanos);
  Add(sum.cpu.system_nanos, part.cpu.system_nanos);
  Add(sum.memory.usage, part.memory.usage);
  Add(sum.memory.working_set, part.memory.working_set);
  Add(sum.memory.rss, part.memory.rss);
  Add(sum.memory.page_faults, part.memory.page_faults);
  Add(sum.memory.major_page_faults, part.memory.major_page_faults);
  Add(sum.swap.usage, part.swap.usage);
  Add(sum.tasks.tasks, part.tasks.tasks);
}

void KeepSummable(GroupCounters& counters) {
  GroupCounters sum;
  sum.cpu.timestamp = counters.cpu.timestamp;
  sum.memory.timestamp = counters.memory.timestamp;
  sum.swap.timestamp = counters.swap.timestamp;
  sum.io.timestamp = counters.io.timestamp;
  sum.tasks.timestamp = counters.tasks.timestamp;
  Add(sum, counters);
  counters = std::move(sum);
}

}  // namespace

SliceOwners::SliceOwners(const pods::Directory& directory) {
  for (const pods::PodView& pod : directory.AllPods()) {
    uids_[unit::PodSlice(pod.pod->spec)].insert(pod.pod->spec.uid);
  }
}

bool SliceOwners::IsOwn(const spec::PodRecord& pod) const {
  const std::string slice = unit::PodSlice(pod.spec);
  const auto uids = uids_.find(slice);
  return slice != unit::kDefaultSlice && slice != "-.slice" && uids != uids_.end() && uids->second.size() == 1;
}

std::string Collector::ControlGroup(const pods::ContainerView& container) {
  return unit::Cgroups::ControlGroup(unit::PodSlice(container.pod->spec), container.container->unit);
}

std::string Collector::WritableLayer(const pods::ContainerView& container) const {
  return layout_.AppFile(container.pod->spec.id, container.container->spec.app, "upper");
}

// Two looks within a second would make a rate of noise: the earlier rate stands.
std::optional<uint64_t> Collector::Rate(Source& source, const Counter& cpu_nanos) {
  if (!cpu_nanos.has_value()) {
    return std::nullopt;
  }
  const int64_t now = clock_.MonotonicNanos();
  if (!source.point.has_value()) {
    source.point = Point{now, *cpu_nanos, std::nullopt};
    return std::nullopt;
  }
  Point& last = *source.point;
  const int64_t elapsed = now - last.monotonic;
  if (elapsed < kNanosPerSecond) {
    return last.rate;
  }
  // A counter that went back belongs to a new cgroup, or to a container less in a sum.
  const uint64_t used = *cpu_nanos >= last.cpu_nanos ? *cpu_nanos - last.cpu_nanos : 0;
  last.rate = static_cast<uint64_t>(static_cast<double>(used) * static_cast<double>(kNanosPerSecond) /
                                    static_cast<double>(elapsed));
  last.monotonic = now;
  last.cpu_nanos = *cpu_nanos;
  return last.rate;
}

absl::StatusOr<GroupCounters> Collector::Read(Source& source, const std::string& control_group, Detail detail) {
  if (!source.group.has_value() || source.group->control_group() != control_group) {
    source.group.emplace(cgroups_, control_group);
  }
  return source.group->Read(clock_, detail);
}

absl::StatusOr<ContainerSample> Collector::Sample(const pods::ContainerView& container, Detail detail) {
  if (container.pod == nullptr) {
    return absl::NotFoundError("the container's pod has been removed");
  }
  ContainerSample sample;
  sample.timestamp = clock_.RealtimeNanos();
  sample.writable_layer_path = WritableLayer(container);
  sample.writable_layer_mount_point = WritableLayersMountPoint();
  sample.writable_layer = disk_.Get({sample.writable_layer_path}, kLayerAge).front();
  const std::string& id = container.container->spec.id.str();
  if (!container.running) {
    sources_.erase(id);
    return sample;
  }
  Source& source = sources_[id];
  auto usage = Read(source, ControlGroup(container), detail);
  if (absl::IsNotFound(usage.status())) {
    return sample;  // it ended just now
  }
  RETURN_IF_ERROR(usage.status());
  sample.usage_nano_cores = Rate(source, usage->cpu.usage_nanos);
  sample.usage = *std::move(usage);
  return sample;
}

PodSample Collector::SamplePod(const pods::PodView& pod, const SliceOwners& owners,
                               const std::vector<const ContainerSample*>& containers, Detail detail) {
  PodSample sample;
  Source& source = sources_[pod.pod->spec.id.str()];
  const bool own_slice = owners.IsOwn(*pod.pod);
  const std::string slice = unit::PodSlice(pod.pod->spec);
  sample.control_group = unit::Cgroups::ControlGroup(slice, own_slice ? "" : pod.pod->unit);
  auto usage = Read(source, sample.control_group, detail);
  if (usage.ok() && !own_slice) {
    KeepSummable(*usage);
    for (const ContainerSample* container : containers) {
      if (container->usage.has_value()) {
        Add(*usage, *container->usage);
      }
    }
  }
  if (usage.ok()) {
    sample.usage_nano_cores = Rate(source, usage->cpu.usage_nanos);
    sample.usage = *std::move(usage);
  } else if (!absl::IsNotFound(usage.status())) {
    base::journal::Warning("No statistics of a pod", {{"POD_ID", pod.pod->spec.id.str()}, {"STATUS", usage.status()}});
  }
  if (pod.supervisor_pid != 0 && pod.pod->spec.network != spec::NamespaceMode::kNode) {
    if (!source.network.has_value()) {
      source.network.emplace(proc_);
    }
    const int64_t now = clock_.RealtimeNanos();
    if (auto interfaces = source.network->Read(pod.supervisor_pid); interfaces.ok()) {
      sample.network = NetworkSample{now, *std::move(interfaces)};
    }
  }
  return sample;
}

std::vector<int> Collector::Processes(const pods::ContainerView& container) const {
  const auto source = sources_.find(container.container->spec.id.str());
  if (source == sources_.end() || !source->second.group.has_value()) {
    return {};
  }
  auto processes = source->second.group->Processes();
  return processes.ok() ? *std::move(processes) : std::vector<int>();
}

Usage Collector::WritableLayers(const pods::Directory& directory) {
  std::vector<std::string> paths;
  for (const pods::ContainerView& container : directory.AllContainers()) {
    paths.push_back(WritableLayer(container));
  }
  Usage total{.bytes = 0, .inodes = 0, .measured_at = clock_.RealtimeNanos()};
  for (const std::optional<Usage>& usage : disk_.Get(paths, kLayerAge)) {
    if (usage.has_value()) {
      total.bytes += usage->bytes;
      total.inodes += usage->inodes;
    }
  }
  return total;
}

const std::string& Collector::WritableLayersMountPoint() {
  if (layers_mount_point_.empty()) {
    layers_mount_point_ = MountPointOf(layout_.Pods());
  }
  return layers_mount_point_;
}

void Collector::Prune(const pods::Directory& directory) {
  std::set<std::string_view> known;
  const std::vector<pods::PodView> pods = directory.AllPods();
  for (const pods::PodView& pod : pods) {
    known.insert(pod.pod->spec.id.str());
  }
  for (const pods::ContainerView& container : directory.AllContainers()) {
    if (container.running) {
      known.insert(container.container->spec.id.str());
    }
  }
  std::erase_if(sources_, [&](const auto& source) { return !known.contains(source.first); });
}

}  // namespace rktlet::stats
