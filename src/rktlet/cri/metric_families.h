// SPDX-License-Identifier: Apache-2.0
// The families of metrics that CRI's callers republish: names, meanings, labels and units are cAdvisor's, so that
// dashboards and alerts made for a kubelet with cAdvisor go on working. The one table behind the descriptors and the
// samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cri/v1/api.pb.h"

namespace rktlet::cri {

// Name in this code, name of the family, type, the labels it has besides kBaseLabels, help.
// clang-format off
#define RKTLET_METRIC_FAMILIES(X) \
  X(kLastSeen, "container_last_seen", GAUGE, {}, "Last time a container was seen by the exporter") \
  X(kStartTime, "container_start_time_seconds", GAUGE, {}, "Start time of the container since unix epoch in seconds") \
  X(kCpuUsage, "container_cpu_usage_seconds_total", COUNTER, {"cpu"}, "Cumulative cpu time consumed in seconds") \
  X(kCpuUser, "container_cpu_user_seconds_total", COUNTER, {}, "Cumulative user cpu time consumed in seconds") \
  X(kCpuSystem, "container_cpu_system_seconds_total", COUNTER, {}, "Cumulative system cpu time consumed in seconds") \
  X(kCfsPeriods, "container_cpu_cfs_periods_total", COUNTER, {}, "Number of elapsed enforcement period intervals") \
  X(kCfsThrottledPeriods, "container_cpu_cfs_throttled_periods_total", COUNTER, {}, "Number of throttled period intervals") \
  X(kCfsThrottledSeconds, "container_cpu_cfs_throttled_seconds_total", COUNTER, {}, "Total time duration the container has been throttled") \
  X(kMemoryUsage, "container_memory_usage_bytes", GAUGE, {}, "Current memory usage in bytes, including all memory regardless of when it was accessed") \
  X(kMemoryMaxUsage, "container_memory_max_usage_bytes", GAUGE, {}, "Maximum memory usage recorded in bytes") \
  X(kMemoryWorkingSet, "container_memory_working_set_bytes", GAUGE, {}, "Current working set in bytes") \
  X(kMemoryRss, "container_memory_rss", GAUGE, {}, "Size of RSS in bytes") \
  X(kMemoryCache, "container_memory_cache", GAUGE, {}, "Number of bytes of page cache memory") \
  X(kMemoryKernel, "container_memory_kernel_usage", GAUGE, {}, "Size of kernel memory allocated in bytes") \
  X(kMemoryMappedFile, "container_memory_mapped_file", GAUGE, {}, "Size of memory mapped files in bytes") \
  X(kMemoryActiveFile, "container_memory_total_active_file_bytes", GAUGE, {}, "Current total active file in bytes") \
  X(kMemoryInactiveFile, "container_memory_total_inactive_file_bytes", GAUGE, {}, "Current total inactive file in bytes") \
  X(kMemorySwap, "container_memory_swap", GAUGE, {}, "Container swap usage in bytes") \
  X(kMemoryFailcnt, "container_memory_failcnt", COUNTER, {}, "Number of memory usage hits limits") \
  X(kMemoryFailures, "container_memory_failures_total", COUNTER, LABELS("failure_type", "scope"), "Cumulative count of memory allocation failures") \
  X(kOomEvents, "container_oom_events_total", COUNTER, {}, "Count of out of memory events observed for the container") \
  X(kNetworkReceiveBytes, "container_network_receive_bytes_total", COUNTER, {"interface"}, "Cumulative count of bytes received") \
  X(kNetworkReceivePackets, "container_network_receive_packets_total", COUNTER, {"interface"}, "Cumulative count of packets received") \
  X(kNetworkReceiveDropped, "container_network_receive_packets_dropped_total", COUNTER, {"interface"}, "Cumulative count of packets dropped while receiving") \
  X(kNetworkReceiveErrors, "container_network_receive_errors_total", COUNTER, {"interface"}, "Cumulative count of errors encountered while receiving") \
  X(kNetworkTransmitBytes, "container_network_transmit_bytes_total", COUNTER, {"interface"}, "Cumulative count of bytes transmitted") \
  X(kNetworkTransmitPackets, "container_network_transmit_packets_total", COUNTER, {"interface"}, "Cumulative count of packets transmitted") \
  X(kNetworkTransmitDropped, "container_network_transmit_packets_dropped_total", COUNTER, {"interface"}, "Cumulative count of packets dropped while transmitting") \
  X(kNetworkTransmitErrors, "container_network_transmit_errors_total", COUNTER, {"interface"}, "Cumulative count of errors encountered while transmitting") \
  X(kFsUsage, "container_fs_usage_bytes", GAUGE, {"device"}, "Number of bytes that are consumed by the container on this filesystem") \
  X(kFsLimit, "container_fs_limit_bytes", GAUGE, {"device"}, "Number of bytes that can be consumed by the container on this filesystem") \
  X(kFsInodesFree, "container_fs_inodes_free", GAUGE, {"device"}, "Number of available Inodes") \
  X(kFsInodesTotal, "container_fs_inodes_total", GAUGE, {"device"}, "Number of Inodes") \
  X(kFsReadsBytes, "container_fs_reads_bytes_total", COUNTER, {"device"}, "Cumulative count of bytes read") \
  X(kFsReads, "container_fs_reads_total", COUNTER, {"device"}, "Cumulative count of reads completed") \
  X(kFsWritesBytes, "container_fs_writes_bytes_total", COUNTER, {"device"}, "Cumulative count of bytes written") \
  X(kFsWrites, "container_fs_writes_total", COUNTER, {"device"}, "Cumulative count of writes completed") \
  X(kBlkioUsage, "container_blkio_device_usage_total", COUNTER, LABELS("device", "major", "minor", "operation"), "Blkio Device bytes usage") \
  X(kProcesses, "container_processes", GAUGE, {}, "Number of processes running inside the container") \
  X(kThreads, "container_threads", GAUGE, {}, "Number of threads running inside the container") \
  X(kThreadsMax, "container_threads_max", GAUGE, {}, "Maximum number of threads allowed inside the container, infinity if value is zero") \
  X(kFileDescriptors, "container_file_descriptors", GAUGE, {}, "Number of open file descriptors for the container") \
  X(kSockets, "container_sockets", GAUGE, {}, "Number of open sockets for the container") \
  X(kUlimitsSoft, "container_ulimits_soft", GAUGE, {"ulimit"}, "Soft ulimit values for the container root process") \
  X(kSpecCpuPeriod, "container_spec_cpu_period", GAUGE, {}, "CPU period of the container") \
  X(kSpecCpuQuota, "container_spec_cpu_quota", GAUGE, {}, "CPU quota of the container") \
  X(kSpecCpuShares, "container_spec_cpu_shares", GAUGE, {}, "CPU share of the container") \
  X(kSpecMemoryLimit, "container_spec_memory_limit_bytes", GAUGE, {}, "Memory limit for the container") \
  X(kSpecMemoryReservation, "container_spec_memory_reservation_limit_bytes", GAUGE, {}, "Memory reservation limit for the container") \
  X(kSpecMemorySwapLimit, "container_spec_memory_swap_limit_bytes", GAUGE, {}, "Memory swap limit for the container") \
  X(kPressureCpuStalled, "container_pressure_cpu_stalled_seconds_total", COUNTER, {}, "Total time duration no tasks in the container could make progress due to CPU congestion") \
  X(kPressureCpuWaiting, "container_pressure_cpu_waiting_seconds_total", COUNTER, {}, "Total time duration tasks in the container have waited due to CPU congestion") \
  X(kPressureMemoryStalled, "container_pressure_memory_stalled_seconds_total", COUNTER, {}, "Total time duration no tasks in the container could make progress due to memory congestion") \
  X(kPressureMemoryWaiting, "container_pressure_memory_waiting_seconds_total", COUNTER, {}, "Total time duration tasks in the container have waited due to memory congestion") \
  X(kPressureIoStalled, "container_pressure_io_stalled_seconds_total", COUNTER, {}, "Total time duration no tasks in the container could make progress due to IO congestion") \
  X(kPressureIoWaiting, "container_pressure_io_waiting_seconds_total", COUNTER, {}, "Total time duration tasks in the container have waited due to IO congestion")
// clang-format on

#define RKTLET_METRIC_ID(id, name, type, labels, help) id,
enum class Metric : uint8_t { RKTLET_METRIC_FAMILIES(RKTLET_METRIC_ID) };
#undef RKTLET_METRIC_ID

struct MetricFamily {
  const char* name;
  runtime::v1::MetricType type;
  std::vector<const char*> labels;  // besides the base labels, behind them
  const char* help;
};

// What every sample is labelled with, in this order: cAdvisor's, where "id" is the control group and "name" the id of
// the container (or pod).
inline constexpr const char* kBaseLabels[] = {"container", "id", "image", "name", "namespace", "pod"};

// In the order of the enumeration.
const std::vector<MetricFamily>& MetricFamilies();
inline const MetricFamily& FamilyOf(Metric metric) { return MetricFamilies()[static_cast<size_t>(metric)]; }

}  // namespace rktlet::cri
