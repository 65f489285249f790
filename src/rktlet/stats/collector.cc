// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/collector.h"

#include <set>

#include "unit/unit_names.h"

namespace rktlet::stats {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::chrono::seconds kLayerAge(60);

}  // namespace

std::string Collector::WritableLayer(const pods::ContainerView& container) const {
  return layout_.AppFile(container.pod->spec.id, container.container->spec.app, "upper");
}

// Two looks within a second would make a rate of noise: the earlier rate stands.
std::optional<uint64_t> Collector::Rate(const std::string& id, uint64_t cpu_nanos) {
  const int64_t now = clock_.MonotonicNanos();
  const auto [entry, first] = points_.try_emplace(id, Point{now, cpu_nanos, std::nullopt});
  Point& last = entry->second;
  const int64_t elapsed = now - last.monotonic;
  if (first || elapsed < kNanosPerSecond) {
    return last.rate;
  }
  // A counter that went back belongs to a new cgroup.
  const uint64_t used = cpu_nanos >= last.cpu_nanos ? cpu_nanos - last.cpu_nanos : cpu_nanos;
  last.rate = static_cast<uint64_t>(static_cast<double>(used) * static_cast<double>(kNanosPerSecond) /
                                    static_cast<double>(elapsed));
  last.monotonic = now;
  last.cpu_nanos = cpu_nanos;
  return last.rate;
}

absl::StatusOr<ContainerSample> Collector::Sample(const pods::ContainerView& container) {
  ContainerSample sample;
  sample.timestamp = clock_.RealtimeNanos();
  sample.writable_layer_path = WritableLayer(container);
  sample.writable_layer = disk_.Get({sample.writable_layer_path}, kLayerAge).front();
  if (!container.running) {
    return sample;
  }
  const std::string group = unit::Cgroups::ControlGroup(unit::PodSlice(container.pod->spec), container.container->unit);
  auto usage = cgroups_.Usage(group);
  if (absl::IsNotFound(usage.status())) {
    return sample;  // it ended just now
  }
  RETURN_IF_ERROR(usage.status());
  if (usage->cpu_usage_nanos.has_value()) {
    sample.usage_nano_cores = Rate(container.container->spec.id.str(), *usage->cpu_usage_nanos);
  }
  sample.usage = *std::move(usage);
  return sample;
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

void Collector::Prune(const pods::Directory& directory) {
  std::set<std::string> known;
  for (const pods::ContainerView& container : directory.AllContainers()) {
    known.insert(container.container->spec.id.str());
  }
  std::erase_if(points_, [&](const auto& point) { return !known.contains(point.first); });
}

}  // namespace rktlet::stats
