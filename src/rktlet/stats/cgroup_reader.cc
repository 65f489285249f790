// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/cgroup_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"
#include "rktlet/stats/parse.h"

namespace rktlet::stats {
namespace {

constexpr uint64_t kNoLimit = uint64_t{1} << 62;  // v1 says "none" by a number near 2^63, rounded to pages
constexpr uint64_t kNanosPerMicro = 1000;
constexpr uint64_t kNanosPerSecond = 1'000'000'000;
constexpr int kDeepest = 32;

// The usage is read before what is subtracted from it.
void SetWorkingSet(MemoryCounters& memory) {
  if (memory.usage.has_value()) {
    memory.working_set = *memory.usage - std::min(*memory.usage, memory.inactive_file.value_or(0));
  }
}

base::UniqueFd OpenGroup(const std::string& path) {
  return base::UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool ReadCpuStatV2(SmallFiles& files, int fd, CpuCounters& cpu) {
  return files.ReadTable(fd, "cpu.stat",
                         {{"usage_usec", &cpu.usage_nanos, kNanosPerMicro},
                          {"user_usec", &cpu.user_nanos, kNanosPerMicro},
                          {"system_usec", &cpu.system_nanos, kNanosPerMicro},
                          {"nr_periods", &cpu.periods},
                          {"nr_throttled", &cpu.throttled_periods},
                          {"throttled_usec", &cpu.throttled_nanos, kNanosPerMicro}});
}

void CollectProcesses(SmallFiles& files, int directory_fd, int depth, std::vector<int>& processes) {
  if (auto text = files.Read(directory_fd, "cgroup.procs"); text.has_value()) {
    while (!text->empty()) {
      if (const Counter pid = ToNumber(TakeLine(*text)); pid.has_value()) {
        processes.push_back(static_cast<int>(*pid));
      }
    }
  }
  base::UniqueFd again(::openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again.valid() || depth == kDeepest) {
    return;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(again.get()), &::closedir);
  if (directory == nullptr) {
    return;
  }
  (void)again.Release();  // the stream's now
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_type == DT_DIR && std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..") {
      const base::UniqueFd below(::openat(directory_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (below.valid()) {
        CollectProcesses(files, below.get(), depth + 1, processes);
      }
    }
  }
}

}  // namespace

CgroupReader::CgroupReader(const unit::Cgroups& cgroups, std::string control_group)
    : cgroups_(cgroups), control_group_(std::move(control_group)) {}

absl::Status CgroupReader::Open() {
  const auto open = [&](const char* controller) { return OpenGroup(cgroups_.Directory(controller, control_group_)); };
  directories_ = Directories();
  directories_.main = open("memory");
  if (cgroups_.version() == unit::CgroupVersion::kV1) {
    directories_.unified = open("unified");
    directories_.cpuacct = open("cpuacct");
    directories_.cpu = open("cpu");
    directories_.pids = open("pids");
    directories_.blkio = open("blkio");
    directories_.systemd = open("systemd");
  }
  if (!directories_.main.valid()) {
    return absl::NotFoundError(base::StrCat("cgroup ", control_group_, " does not exist"));
  }
  return absl::OkStatus();
}

absl::StatusOr<GroupCounters> CgroupReader::Read(const base::Clock& clock, Detail detail) {
  const bool was_open = directories_.main.valid();
  if (!was_open) {
    RETURN_IF_ERROR(Open());
  }
  const auto read = [&](GroupCounters& counters) {
    return cgroups_.version() == unit::CgroupVersion::kV2 ? ReadV2(clock, detail, counters)
                                                          : ReadV1(clock, detail, counters);
  };
  GroupCounters counters;
  if (read(counters)) {
    return counters;
  }
  counters = GroupCounters();
  if (was_open) {
    RETURN_IF_ERROR(Open());  // a slice may have been stopped and started again
    if (read(counters)) {
      return counters;
    }
  }
  directories_ = Directories();
  return absl::NotFoundError(base::StrCat("cgroup ", control_group_, " does not exist any more"));
}

bool CgroupReader::ReadV2(const base::Clock& clock, Detail detail, GroupCounters& counters) const {
  const int fd = directories_.main.get();
  SmallFiles files;
  counters.cpu.timestamp = clock.RealtimeNanos();
  // There is a cpu.stat in every group, whatever controllers it has.
  if (!ReadCpuStatV2(files, fd, counters.cpu)) {
    return false;
  }
  counters.cpu.pressure = files.ReadPressure(fd, "cpu.pressure");
  MemoryCounters& memory = counters.memory;
  memory.timestamp = clock.RealtimeNanos();
  memory.usage = files.ReadNumber(fd, "memory.current");
  files.ReadTable(fd, "memory.stat",
                  {{"anon", &memory.rss},
                   {"file", &memory.cache},
                   {"file_mapped", &memory.mapped_file},
                   {"active_file", &memory.active_file},
                   {"inactive_file", &memory.inactive_file},
                   {"kernel", &memory.kernel},
                   {"pgfault", &memory.page_faults},
                   {"pgmajfault", &memory.major_page_faults}});
  SetWorkingSet(memory);
  memory.limit = files.ReadNumber(fd, "memory.max");
  memory.pressure = files.ReadPressure(fd, "memory.pressure");
  counters.swap.timestamp = clock.RealtimeNanos();
  counters.swap.usage = files.ReadNumber(fd, "memory.swap.current");
  counters.swap.limit = files.ReadNumber(fd, "memory.swap.max");
  counters.io.timestamp = clock.RealtimeNanos();
  counters.io.pressure = files.ReadPressure(fd, "io.pressure");
  counters.tasks.timestamp = clock.RealtimeNanos();
  counters.tasks.tasks = files.ReadNumber(fd, "pids.current");
  if (detail == Detail::kAll) {
    memory.max_usage = files.ReadNumber(fd, "memory.peak");
    files.ReadTable(fd, "memory.events", {{"max", &memory.limit_hits}, {"oom_kill", &memory.oom_kills}});
    counters.tasks.limit = files.ReadNumber(fd, "pids.max");
    if (const auto text = files.Read(fd, "io.stat"); text.has_value()) {
      counters.io.devices = ParseIoStat(*text);
    }
  }
  return true;
}

bool CgroupReader::ReadV1(const base::Clock& clock, Detail detail, GroupCounters& counters) const {
  SmallFiles files;
  const int unified = directories_.unified.get();
  CpuCounters& cpu = counters.cpu;
  cpu.timestamp = clock.RealtimeNanos();
  // Where cpuacct is mounted apart from cpu, systemd makes no group in it; its own v2 hierarchy counts CPU time as
  // well.
  if (cpu.usage_nanos = files.ReadNumber(directories_.cpuacct.get(), "cpuacct.usage"); cpu.usage_nanos.has_value()) {
    const auto tick = kNanosPerSecond / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
    files.ReadTable(directories_.cpuacct.get(), "cpuacct.stat",
                    {{"user", &cpu.user_nanos, tick}, {"system", &cpu.system_nanos, tick}});
  } else {
    ReadCpuStatV2(files, unified, cpu);
  }
  files.ReadTable(directories_.cpu.get(), "cpu.stat",
                  {{"nr_periods", &cpu.periods},
                   {"nr_throttled", &cpu.throttled_periods},
                   {"throttled_time", &cpu.throttled_nanos}});
  cpu.pressure = files.ReadPressure(unified, "cpu.pressure");
  const int fd = directories_.main.get();
  MemoryCounters& memory = counters.memory;
  memory.timestamp = clock.RealtimeNanos();
  memory.usage = files.ReadNumber(fd, "memory.usage_in_bytes");
  if (!memory.usage.has_value()) {
    return false;
  }
  Counter memory_and_swap_limit;
  counters.swap.timestamp = memory.timestamp;
  files.ReadTable(fd, "memory.stat",
                  {{"total_rss", &memory.rss},
                   {"total_cache", &memory.cache},
                   {"total_mapped_file", &memory.mapped_file},
                   {"total_active_file", &memory.active_file},
                   {"total_inactive_file", &memory.inactive_file},
                   {"total_pgfault", &memory.page_faults},
                   {"total_pgmajfault", &memory.major_page_faults},
                   {"total_swap", &counters.swap.usage}});
  SetWorkingSet(memory);
  memory.limit = files.ReadNumber(fd, "memory.limit_in_bytes");
  memory_and_swap_limit = files.ReadNumber(fd, "memory.memsw.limit_in_bytes");
  if (memory.limit.value_or(0) >= kNoLimit) {
    memory.limit.reset();
  }
  if (memory.limit.has_value() && memory_and_swap_limit.value_or(kNoLimit) < kNoLimit) {
    counters.swap.limit = *memory_and_swap_limit - std::min(*memory_and_swap_limit, *memory.limit);
  }
  memory.pressure = files.ReadPressure(unified, "memory.pressure");
  counters.io.timestamp = clock.RealtimeNanos();
  counters.io.pressure = files.ReadPressure(unified, "io.pressure");
  counters.tasks.timestamp = clock.RealtimeNanos();
  counters.tasks.tasks = files.ReadNumber(directories_.pids.get(), "pids.current");
  if (detail == Detail::kAll) {
    memory.max_usage = files.ReadNumber(fd, "memory.max_usage_in_bytes");
    memory.limit_hits = files.ReadNumber(fd, "memory.failcnt");
    memory.kernel = files.ReadNumber(fd, "memory.kmem.usage_in_bytes");
    files.ReadTable(fd, "memory.oom_control", {{"oom_kill", &memory.oom_kills}});
    counters.tasks.limit = files.ReadNumber(directories_.pids.get(), "pids.max");
    const int blkio = directories_.blkio.get();
    if (const auto text = files.Read(blkio, "blkio.throttle.io_service_bytes_recursive"); text.has_value()) {
      ParseBlkio(*text, true, counters.io.devices);
    }
    if (const auto text = files.Read(blkio, "blkio.throttle.io_serviced_recursive"); text.has_value()) {
      ParseBlkio(*text, false, counters.io.devices);
    }
  }
  return true;
}

absl::StatusOr<std::vector<int>> CgroupReader::Processes() const {
  const int fd = cgroups_.version() == unit::CgroupVersion::kV2 ? directories_.main.get() : directories_.systemd.get();
  if (fd < 0) {
    return absl::NotFoundError(base::StrCat("cgroup ", control_group_, " does not exist"));
  }
  std::vector<int> processes;
  SmallFiles files;
  CollectProcesses(files, fd, 0, processes);
  return processes;
}

}  // namespace rktlet::stats
