// SPDX-License-Identifier: Apache-2.0
// What the kernel counts for a control group and for a network interface. A counter that the kernel does not have is
// absent: 0 would be a statement. Each group of counters carries the moment when it was read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rktlet::stats {

using Counter = std::optional<uint64_t>;

// One line of a pressure file (Documentation/accounting/psi.rst).
struct PressureLine {
  double average_10 = 0;  // percent of the last 10, 60, 300 seconds
  double average_60 = 0;
  double average_300 = 0;
  uint64_t total_nanos = 0;
};
struct Pressure {
  PressureLine some;
  PressureLine full;
};

struct CpuCounters {
  int64_t timestamp = 0;  // ns since the epoch
  Counter usage_nanos;
  Counter user_nanos;
  Counter system_nanos;
  Counter periods;
  Counter throttled_periods;
  Counter throttled_nanos;
  std::optional<Pressure> pressure;
};

struct MemoryCounters {
  int64_t timestamp = 0;
  Counter usage;        // bytes, page cache included
  Counter working_set;  // usage less inactive file cache, as cAdvisor computes it
  Counter rss;          // anonymous memory
  Counter limit;        // absent: none
  Counter page_faults;
  Counter major_page_faults;
  Counter cache;
  Counter mapped_file;
  Counter active_file;
  Counter inactive_file;
  Counter kernel;
  Counter max_usage;
  Counter limit_hits;
  Counter oom_kills;
  std::optional<Pressure> pressure;
};

struct SwapCounters {
  int64_t timestamp = 0;
  Counter usage;
  Counter limit;  // of swap alone; absent: none
};

// Of one block device.
struct DeviceIo {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t read_bytes = 0;
  uint64_t write_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
};

struct IoCounters {
  int64_t timestamp = 0;
  std::optional<Pressure> pressure;
  std::vector<DeviceIo> devices;  // with Detail::kAll only
};

struct TaskCounters {
  int64_t timestamp = 0;
  Counter tasks;  // threads
  Counter limit;  // absent: none
};

struct GroupCounters {
  CpuCounters cpu;
  MemoryCounters memory;
  SwapCounters swap;
  IoCounters io;
  TaskCounters tasks;
};

struct InterfaceCounters {
  std::string name;
  uint64_t rx_bytes = 0;
  uint64_t rx_packets = 0;
  uint64_t rx_errors = 0;
  uint64_t rx_dropped = 0;
  uint64_t tx_bytes = 0;
  uint64_t tx_packets = 0;
  uint64_t tx_errors = 0;
  uint64_t tx_dropped = 0;
};

}  // namespace rktlet::stats
