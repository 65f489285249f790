// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/stats_messages.h"

namespace rktlet::cri {
namespace {

// A counter that the kernel does not have stays unset: 0 would be a statement.
void Set(const std::optional<uint64_t>& value, auto mutable_value) {
  if (value.has_value()) {
    mutable_value()->set_value(*value);
  }
}

uint64_t Less(uint64_t limit, uint64_t used) { return limit > used ? limit - used : 0; }

void FillMemory(const unit::CgroupUsage& usage, int64_t timestamp, v1::MemoryUsage& memory) {
  memory.set_timestamp(timestamp);
  Set(usage.memory_working_set, [&] { return memory.mutable_working_set_bytes(); });
  Set(usage.memory_usage, [&] { return memory.mutable_usage_bytes(); });
  Set(usage.memory_rss, [&] { return memory.mutable_rss_bytes(); });
  Set(usage.page_faults, [&] { return memory.mutable_page_faults(); });
  Set(usage.major_page_faults, [&] { return memory.mutable_major_page_faults(); });
  if (usage.memory_limit.has_value() && usage.memory_working_set.has_value()) {
    memory.mutable_available_bytes()->set_value(Less(*usage.memory_limit, *usage.memory_working_set));
  }
}

void FillSwap(const unit::CgroupUsage& usage, int64_t timestamp, v1::SwapUsage& swap) {
  swap.set_timestamp(timestamp);
  Set(usage.swap_usage, [&] { return swap.mutable_swap_usage_bytes(); });
  if (usage.swap_limit.has_value()) {
    swap.mutable_swap_available_bytes()->set_value(Less(*usage.swap_limit, usage.swap_usage.value_or(0)));
  }
}

}  // namespace

v1::ContainerStats ToCri(const pods::ContainerView& view, const stats::ContainerSample& sample) {
  v1::ContainerStats stats;
  const spec::ContainerSpec& spec = view.container->spec;
  v1::ContainerAttributes& attributes = *stats.mutable_attributes();
  attributes.set_id(spec.id.str());
  attributes.mutable_metadata()->set_name(spec.name);
  attributes.mutable_metadata()->set_attempt(spec.attempt);
  attributes.mutable_labels()->insert(spec.labels.begin(), spec.labels.end());
  attributes.mutable_annotations()->insert(spec.annotations.begin(), spec.annotations.end());
  if (sample.usage.has_value()) {
    v1::CpuUsage& cpu = *stats.mutable_cpu();
    cpu.set_timestamp(sample.timestamp);
    Set(sample.usage->cpu_usage_nanos, [&] { return cpu.mutable_usage_core_nano_seconds(); });
    Set(sample.usage_nano_cores, [&] { return cpu.mutable_usage_nano_cores(); });
    FillMemory(*sample.usage, sample.timestamp, *stats.mutable_memory());
    if (sample.usage->swap_usage.has_value()) {
      FillSwap(*sample.usage, sample.timestamp, *stats.mutable_swap());
    }
  }
  v1::FilesystemUsage& layer = *stats.mutable_writable_layer();
  layer.set_timestamp(sample.writable_layer.has_value() ? sample.writable_layer->measured_at : sample.timestamp);
  layer.mutable_fs_id()->set_mountpoint(sample.writable_layer_path);
  layer.mutable_used_bytes()->set_value(sample.writable_layer.has_value() ? sample.writable_layer->bytes : 0);
  layer.mutable_inodes_used()->set_value(sample.writable_layer.has_value() ? sample.writable_layer->inodes : 0);
  return stats;
}

}  // namespace rktlet::cri
