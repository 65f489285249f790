// SPDX-License-Identifier: Apache-2.0
// CRI's metrics are whole numbers, so seconds lose their fraction. A counter that the kernel does not have makes no
// sample.
#include "rktlet/cri/metrics.h"

#include <initializer_list>
#include <utility>

#include "rktlet/cri/metric_families.h"
#include "rktlet/stats/process_files.h"

namespace rktlet::cri {
namespace {

using google::protobuf::RepeatedPtrField;
using stats::Counter;

constexpr uint64_t kNanosPerSecond = 1'000'000'000;

Counter Seconds(const Counter& nanos) { return nanos.has_value() ? Counter(*nanos / kNanosPerSecond) : std::nullopt; }

// Puts samples with one set of base labels.
class Samples {
 public:
  Samples(std::initializer_list<std::string> base_labels, RepeatedPtrField<v1::Metric>& metrics)
      : base_labels_(base_labels), metrics_(metrics) {}

  void Put(Metric metric, int64_t timestamp, const Counter& value,
           std::initializer_list<std::string> more_labels = {}) const {
    if (!value.has_value()) {
      return;
    }
    v1::Metric& sample = *metrics_.Add();
    sample.set_name(FamilyOf(metric).name);
    sample.set_timestamp(timestamp);
    sample.set_metric_type(FamilyOf(metric).type);
    for (const std::string& label : base_labels_) {
      sample.add_label_values(label);
    }
    for (const std::string& label : more_labels) {
      sample.add_label_values(label);
    }
    sample.mutable_value()->set_value(*value);
  }

 private:
  const std::vector<std::string> base_labels_;
  RepeatedPtrField<v1::Metric>& metrics_;
};

void PutPressure(const Samples& samples, int64_t timestamp, const std::optional<stats::Pressure>& pressure,
                 Metric stalled, Metric waiting) {
  if (pressure.has_value()) {
    samples.Put(stalled, timestamp, pressure->full.total_nanos / kNanosPerSecond);
    samples.Put(waiting, timestamp, pressure->some.total_nanos / kNanosPerSecond);
  }
}

void PutCpu(const Samples& samples, const stats::CpuCounters& cpu) {
  const int64_t at = cpu.timestamp;
  samples.Put(Metric::kCpuUsage, at, Seconds(cpu.usage_nanos), {"total"});
  samples.Put(Metric::kCpuUser, at, Seconds(cpu.user_nanos));
  samples.Put(Metric::kCpuSystem, at, Seconds(cpu.system_nanos));
  samples.Put(Metric::kCfsPeriods, at, cpu.periods);
  samples.Put(Metric::kCfsThrottledPeriods, at, cpu.throttled_periods);
  samples.Put(Metric::kCfsThrottledSeconds, at, Seconds(cpu.throttled_nanos));
  PutPressure(samples, at, cpu.pressure, Metric::kPressureCpuStalled, Metric::kPressureCpuWaiting);
}

void PutMemory(const Samples& samples, const stats::MemoryCounters& memory, const stats::SwapCounters& swap) {
  const int64_t at = memory.timestamp;
  samples.Put(Metric::kMemoryUsage, at, memory.usage);
  samples.Put(Metric::kMemoryMaxUsage, at, memory.max_usage);
  samples.Put(Metric::kMemoryWorkingSet, at, memory.working_set);
  samples.Put(Metric::kMemoryRss, at, memory.rss);
  samples.Put(Metric::kMemoryCache, at, memory.cache);
  samples.Put(Metric::kMemoryKernel, at, memory.kernel);
  samples.Put(Metric::kMemoryMappedFile, at, memory.mapped_file);
  samples.Put(Metric::kMemoryActiveFile, at, memory.active_file);
  samples.Put(Metric::kMemoryInactiveFile, at, memory.inactive_file);
  samples.Put(Metric::kMemorySwap, swap.timestamp, swap.usage);
  samples.Put(Metric::kMemoryFailcnt, at, memory.limit_hits);
  samples.Put(Metric::kOomEvents, at, memory.oom_kills);
  // The kernel counts for the group with all below it; cAdvisor has both scopes.
  for (const char* scope : {"container", "hierarchy"}) {
    samples.Put(Metric::kMemoryFailures, at, memory.page_faults, {"pgfault", scope});
    samples.Put(Metric::kMemoryFailures, at, memory.major_page_faults, {"pgmajfault", scope});
  }
  PutPressure(samples, at, memory.pressure, Metric::kPressureMemoryStalled, Metric::kPressureMemoryWaiting);
}

void PutIo(const Samples& samples, const stats::IoCounters& io, stats::DeviceNames& devices) {
  const int64_t at = io.timestamp;
  for (const stats::DeviceIo& device : io.devices) {
    const std::string& name = devices.Name(device.major, device.minor);
    samples.Put(Metric::kFsReadsBytes, at, device.read_bytes, {name});
    samples.Put(Metric::kFsReads, at, device.reads, {name});
    samples.Put(Metric::kFsWritesBytes, at, device.write_bytes, {name});
    samples.Put(Metric::kFsWrites, at, device.writes, {name});
    const std::string major = std::to_string(device.major);
    const std::string minor = std::to_string(device.minor);
    samples.Put(Metric::kBlkioUsage, at, device.read_bytes, {name, major, minor, "Read"});
    samples.Put(Metric::kBlkioUsage, at, device.write_bytes, {name, major, minor, "Write"});
  }
  PutPressure(samples, at, io.pressure, Metric::kPressureIoStalled, Metric::kPressureIoWaiting);
}

void PutTasks(const Samples& samples, const stats::TaskCounters& tasks) {
  samples.Put(Metric::kThreads, tasks.timestamp, tasks.tasks);
  // cAdvisor says 0 for no limit.
  samples.Put(Metric::kThreadsMax, tasks.timestamp,
              tasks.tasks.has_value() ? Counter(tasks.limit.value_or(0)) : std::nullopt);
}

void PutGroup(const Samples& samples, const stats::GroupCounters& usage, stats::DeviceNames& devices) {
  PutCpu(samples, usage.cpu);
  PutMemory(samples, usage.memory, usage.swap);
  PutIo(samples, usage.io, devices);
  PutTasks(samples, usage.tasks);
}

void PutProcesses(const Samples& samples, const Context& context, const pods::ContainerView& view) {
  const int64_t at = context.stats.clock().RealtimeNanos();
  const std::vector<int> processes = context.stats.Processes(view);
  const stats::OpenFiles files = stats::CountOpenFiles(context.stats.proc(), processes);
  samples.Put(Metric::kProcesses, at, processes.size());
  samples.Put(Metric::kFileDescriptors, at, files.descriptors);
  samples.Put(Metric::kSockets, at, files.sockets);
  if (view.pid != 0) {
    samples.Put(Metric::kUlimitsSoft, at, stats::OpenFilesLimit(context.stats.proc(), view.pid), {"max_open_files"});
  }
}

void PutFilesystem(const Samples& samples, MetricsSources& sources, const stats::ContainerSample& sample) {
  if (!sources.pods_filesystem.ok()) {
    return;
  }
  const stats::Filesystem& filesystem = *sources.pods_filesystem;
  const std::string& device = sources.devices.Name(filesystem.major, filesystem.minor);
  if (sample.writable_layer.has_value()) {
    samples.Put(Metric::kFsUsage, sample.writable_layer->measured_at, sample.writable_layer->bytes, {device});
  }
  samples.Put(Metric::kFsLimit, sample.timestamp, filesystem.bytes, {device});
  samples.Put(Metric::kFsInodesFree, sample.timestamp, filesystem.inodes_free, {device});
  samples.Put(Metric::kFsInodesTotal, sample.timestamp, filesystem.inodes, {device});
}

Counter Positive(const std::optional<int64_t>& value) {
  return value.has_value() && *value > 0 ? Counter(static_cast<uint64_t>(*value)) : std::nullopt;
}

void PutSpec(const Samples& samples, const spec::Resources& resources, const stats::ContainerSample& sample) {
  const int64_t at = sample.timestamp;
  const Counter quota = Positive(resources.cpu_quota);
  samples.Put(Metric::kSpecCpuPeriod, at, Positive(resources.cpu_period));
  samples.Put(Metric::kSpecCpuQuota, at, quota);
  samples.Put(Metric::kSpecCpuShares, at, Positive(resources.cpu_shares));
  // 0: no limit.
  samples.Put(Metric::kSpecMemoryLimit, at, Positive(resources.memory_limit).value_or(0));
  samples.Put(Metric::kSpecMemoryReservation, at, 0);
  samples.Put(Metric::kSpecMemorySwapLimit, at, Positive(resources.memory_swap_limit).value_or(0));
}

v1::ContainerMetrics ContainerMetricsOf(Context& context, MetricsSources& sources, const SampledContainer& container) {
  v1::ContainerMetrics metrics;
  const auto& [view, sample] = container;
  const spec::ContainerSpec& spec = view.container->spec;
  metrics.set_container_id(spec.id.str());
  const spec::PodSpec& pod = view.pod->spec;
  const Samples samples({spec.name, stats::Collector::ControlGroup(view),
                         spec.user_specified_image.empty() ? spec.image : spec.user_specified_image, spec.id.str(),
                         pod.namespace_, pod.name},
                        *metrics.mutable_metrics());
  samples.Put(Metric::kLastSeen, sample.timestamp, static_cast<uint64_t>(sample.timestamp) / kNanosPerSecond);
  samples.Put(Metric::kStartTime, sample.timestamp, static_cast<uint64_t>(view.started_at) / kNanosPerSecond);
  PutSpec(samples, spec.resources, sample);
  PutFilesystem(samples, sources, sample);
  if (sample.usage.has_value()) {
    PutGroup(samples, *sample.usage, sources.devices);
    PutProcesses(samples, context, view);
  }
  return metrics;
}

void PutNetwork(const Samples& samples, const stats::NetworkSample& network) {
  const int64_t at = network.timestamp;
  for (const stats::InterfaceCounters& interface : network.interfaces) {
    const std::string& name = interface.name;
    samples.Put(Metric::kNetworkReceiveBytes, at, interface.rx_bytes, {name});
    samples.Put(Metric::kNetworkReceivePackets, at, interface.rx_packets, {name});
    samples.Put(Metric::kNetworkReceiveDropped, at, interface.rx_dropped, {name});
    samples.Put(Metric::kNetworkReceiveErrors, at, interface.rx_errors, {name});
    samples.Put(Metric::kNetworkTransmitBytes, at, interface.tx_bytes, {name});
    samples.Put(Metric::kNetworkTransmitPackets, at, interface.tx_packets, {name});
    samples.Put(Metric::kNetworkTransmitDropped, at, interface.tx_dropped, {name});
    samples.Put(Metric::kNetworkTransmitErrors, at, interface.tx_errors, {name});
  }
}

}  // namespace

v1::PodSandboxMetrics PodMetrics(Context& context, MetricsSources& sources, const pods::PodView& pod,
                                 const stats::SliceOwners& owners) {
  v1::PodSandboxMetrics metrics;
  const spec::PodSpec& spec = pod.pod->spec;
  metrics.set_pod_sandbox_id(spec.id.str());
  const std::vector<SampledContainer> containers = SampleContainers(context, pod.containers, stats::Detail::kAll);
  const stats::PodSample sample = context.stats.SamplePod(pod, owners, SamplesOf(containers), stats::Detail::kAll);
  const Samples samples({"", sample.control_group, "", spec.id.str(), spec.namespace_, spec.name},
                        *metrics.mutable_metrics());
  if (sample.usage.has_value()) {
    PutGroup(samples, *sample.usage, sources.devices);
  }
  if (sample.network.has_value()) {
    PutNetwork(samples, *sample.network);
  }
  for (const SampledContainer& container : containers) {
    *metrics.add_container_metrics() = ContainerMetricsOf(context, sources, container);
  }
  return metrics;
}

}  // namespace rktlet::cri
