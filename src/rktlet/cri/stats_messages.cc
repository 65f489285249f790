// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/stats_messages.h"

#include "base/journal.h"
#include "rktlet/cri/labels.h"

namespace rktlet::cri {
namespace {

// A counter that the kernel does not have stays unset: 0 would be a statement.
void Set(const stats::Counter& value, auto mutable_value) {
  if (value.has_value()) {
    mutable_value()->set_value(*value);
  }
}

uint64_t Less(uint64_t limit, uint64_t used) { return limit > used ? limit - used : 0; }

void FillPressureLine(const stats::PressureLine& line, v1::PsiData& data) {
  data.set_total(line.total_nanos);
  data.set_avg10(line.average_10);
  data.set_avg60(line.average_60);
  data.set_avg300(line.average_300);
}

void FillPressure(const std::optional<stats::Pressure>& pressure, auto mutable_psi) {
  if (pressure.has_value()) {
    v1::PsiStats& psi = *mutable_psi();
    FillPressureLine(pressure->full, *psi.mutable_full());
    FillPressureLine(pressure->some, *psi.mutable_some());
  }
}

void FillCpu(const stats::CpuCounters& counters, const std::optional<uint64_t>& nano_cores, v1::CpuUsage& cpu) {
  cpu.set_timestamp(counters.timestamp);
  Set(counters.usage_nanos, [&] { return cpu.mutable_usage_core_nano_seconds(); });
  Set(nano_cores, [&] { return cpu.mutable_usage_nano_cores(); });
  FillPressure(counters.pressure, [&] { return cpu.mutable_psi(); });
}

void FillMemory(const stats::MemoryCounters& counters, v1::MemoryUsage& memory) {
  memory.set_timestamp(counters.timestamp);
  Set(counters.working_set, [&] { return memory.mutable_working_set_bytes(); });
  Set(counters.usage, [&] { return memory.mutable_usage_bytes(); });
  Set(counters.rss, [&] { return memory.mutable_rss_bytes(); });
  Set(counters.page_faults, [&] { return memory.mutable_page_faults(); });
  Set(counters.major_page_faults, [&] { return memory.mutable_major_page_faults(); });
  if (counters.limit.has_value() && counters.working_set.has_value()) {
    memory.mutable_available_bytes()->set_value(Less(*counters.limit, *counters.working_set));
  }
  FillPressure(counters.pressure, [&] { return memory.mutable_psi(); });
}

void FillSwap(const stats::SwapCounters& counters, v1::SwapUsage& swap) {
  swap.set_timestamp(counters.timestamp);
  Set(counters.usage, [&] { return swap.mutable_swap_usage_bytes(); });
  if (counters.limit.has_value()) {
    swap.mutable_swap_available_bytes()->set_value(Less(*counters.limit, counters.usage.value_or(0)));
  }
}

void FillIo(const stats::IoCounters& counters, v1::IoUsage& io) {
  io.set_timestamp(counters.timestamp);
  FillPressure(counters.pressure, [&] { return io.mutable_psi(); });
}

void FillInterface(const stats::InterfaceCounters& counters, v1::NetworkInterfaceUsage& interface) {
  interface.set_name(counters.name);
  interface.mutable_rx_bytes()->set_value(counters.rx_bytes);
  interface.mutable_rx_errors()->set_value(counters.rx_errors);
  interface.mutable_tx_bytes()->set_value(counters.tx_bytes);
  interface.mutable_tx_errors()->set_value(counters.tx_errors);
}

void FillNetwork(const stats::NetworkSample& sample, const std::string& default_interface, v1::NetworkUsage& network) {
  network.set_timestamp(sample.timestamp);
  for (const stats::InterfaceCounters& counters : sample.interfaces) {
    FillInterface(counters, *network.add_interfaces());
    if (counters.name == default_interface) {
      FillInterface(counters, *network.mutable_default_interface());
    }
  }
}

}  // namespace

bool Matches(const v1::ContainerStatsFilter& filter, const pods::ContainerView& view) {
  const spec::ContainerSpec& spec = view.container->spec;
  return spec.id.str().starts_with(filter.id()) && view.pod != nullptr &&
         view.pod->spec.id.str().starts_with(filter.pod_sandbox_id()) &&
         LabelsMatch(filter.label_selector(), spec.labels);
}

bool Matches(const v1::PodSandboxStatsFilter& filter, const pods::PodView& view) {
  return view.pod->spec.id.str().starts_with(filter.id()) &&
         LabelsMatch(filter.label_selector(), view.pod->spec.labels);
}

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
    FillCpu(sample.usage->cpu, sample.usage_nano_cores, *stats.mutable_cpu());
    FillMemory(sample.usage->memory, *stats.mutable_memory());
    if (sample.usage->swap.usage.has_value()) {
      FillSwap(sample.usage->swap, *stats.mutable_swap());
    }
    if (sample.usage->io.pressure.has_value()) {
      FillIo(sample.usage->io, *stats.mutable_io());
    }
  }
  v1::FilesystemUsage& layer = *stats.mutable_writable_layer();
  layer.set_timestamp(sample.writable_layer.has_value() ? sample.writable_layer->measured_at : sample.timestamp);
  layer.mutable_fs_id()->set_mountpoint(sample.writable_layer_mount_point);
  layer.mutable_used_bytes()->set_value(sample.writable_layer.has_value() ? sample.writable_layer->bytes : 0);
  layer.mutable_inodes_used()->set_value(sample.writable_layer.has_value() ? sample.writable_layer->inodes : 0);
  return stats;
}

std::vector<SampledContainer> SampleContainers(Context& context, const std::vector<pods::ContainerView>& containers,
                                               stats::Detail detail) {
  std::vector<SampledContainer> sampled;
  for (const pods::ContainerView& view : containers) {
    if (!view.running) {
      continue;
    }
    auto sample = context.stats.Sample(view, detail);
    if (sample.ok()) {
      sampled.push_back({view, *std::move(sample)});
    } else {
      base::journal::Warning("No statistics of a container",
                             {{"CONTAINER_ID", view.container->spec.id.str()}, {"STATUS", sample.status()}});
    }
  }
  return sampled;
}

std::vector<const stats::ContainerSample*> SamplesOf(const std::vector<SampledContainer>& containers) {
  std::vector<const stats::ContainerSample*> samples;
  for (const SampledContainer& container : containers) {
    samples.push_back(&container.sample);
  }
  return samples;
}

v1::PodSandboxStats SamplePod(Context& context, const pods::PodView& pod, const stats::SliceOwners& owners) {
  v1::PodSandboxStats stats;
  const spec::PodSpec& spec = pod.pod->spec;
  v1::PodSandboxAttributes& attributes = *stats.mutable_attributes();
  attributes.set_id(spec.id.str());
  attributes.mutable_metadata()->set_name(spec.name);
  attributes.mutable_metadata()->set_namespace_(spec.namespace_);
  attributes.mutable_metadata()->set_uid(spec.uid);
  attributes.mutable_metadata()->set_attempt(spec.attempt);
  attributes.mutable_labels()->insert(spec.labels.begin(), spec.labels.end());
  attributes.mutable_annotations()->insert(spec.annotations.begin(), spec.annotations.end());
  const std::vector<SampledContainer> containers = SampleContainers(context, pod.containers);
  const stats::PodSample sample = context.stats.SamplePod(pod, owners, SamplesOf(containers));
  v1::LinuxPodSandboxStats& linux_stats = *stats.mutable_linux();
  if (sample.usage.has_value()) {
    FillCpu(sample.usage->cpu, sample.usage_nano_cores, *linux_stats.mutable_cpu());
    FillMemory(sample.usage->memory, *linux_stats.mutable_memory());
    linux_stats.mutable_process()->set_timestamp(sample.usage->tasks.timestamp);
    Set(sample.usage->tasks.tasks, [&] { return linux_stats.mutable_process()->mutable_process_count(); });
    if (sample.usage->io.pressure.has_value()) {
      FillIo(sample.usage->io, *linux_stats.mutable_io());
    }
  }
  if (sample.network.has_value()) {
    FillNetwork(*sample.network, pod.default_interface, *linux_stats.mutable_network());
  }
  for (const SampledContainer& container : containers) {
    *linux_stats.add_containers() = ToCri(container.view, container.sample);
  }
  return stats;
}

}  // namespace rktlet::cri
