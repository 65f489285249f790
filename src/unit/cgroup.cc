// SPDX-License-Identifier: Apache-2.0
#include "unit/cgroup.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/strings.h"

namespace rktlet::unit {
namespace {

constexpr uint64_t kNoLimit = uint64_t{1} << 62;  // v1 says "none" by a number near 2^63, rounded to pages

std::optional<uint64_t> ReadNumber(const std::string& path) {
  const auto text = base::ReadFile(path);
  uint64_t value = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &value)) {
    return std::nullopt;  // "max", or a file this kernel does not have
  }
  return value;
}

// A file of "name value" lines.
std::map<std::string, uint64_t> ReadTable(const std::string& path) {
  std::map<std::string, uint64_t> table;
  const auto text = base::ReadFile(path);
  if (!text.ok()) {
    return table;
  }
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    uint64_t value = 0;
    if (absl::SimpleAtoi(fields.second, &value)) {
      table[std::string(fields.first)] = value;
    }
  }
  return table;
}

std::optional<uint64_t> Find(const std::map<std::string, uint64_t>& table, const std::string& name) {
  const auto found = table.find(name);
  return found == table.end() ? std::nullopt : std::optional<uint64_t>(found->second);
}

std::optional<uint64_t> WorkingSet(std::optional<uint64_t> usage, std::optional<uint64_t> inactive_file) {
  if (!usage.has_value()) {
    return std::nullopt;
  }
  return *usage - std::min(*usage, inactive_file.value_or(0));
}

CgroupUsage UsageV2(const std::string& directory) {
  CgroupUsage usage;
  const auto cpu = ReadTable(directory + "/cpu.stat");
  if (const auto micros = Find(cpu, "usage_usec")) {
    usage.cpu_usage_nanos = *micros * 1000;
  }
  const auto memory = ReadTable(directory + "/memory.stat");
  usage.memory_usage = ReadNumber(directory + "/memory.current");
  usage.memory_working_set = WorkingSet(usage.memory_usage, Find(memory, "inactive_file"));
  usage.memory_rss = Find(memory, "anon");
  usage.memory_limit = ReadNumber(directory + "/memory.max");
  usage.page_faults = Find(memory, "pgfault");
  usage.major_page_faults = Find(memory, "pgmajfault");
  usage.swap_usage = ReadNumber(directory + "/memory.swap.current");
  usage.swap_limit = ReadNumber(directory + "/memory.swap.max");
  usage.pids = ReadNumber(directory + "/pids.current");
  return usage;
}

// A process's threads are moved with it, so the numbers of all groups below are those of cgroup.procs in each.
absl::Status CollectProcesses(const std::string& directory, std::vector<int>& processes) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(directory + "/cgroup.procs"));
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    int pid = 0;
    if (absl::SimpleAtoi(line, &pid)) {
      processes.push_back(pid);
    }
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.is_directory(error)) {
      if (const absl::Status status = CollectProcesses(entry.path(), processes);
          !status.ok() && !absl::IsNotFound(status)) {
        return status;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Cgroups> Cgroups::Detect(std::string root) {
  struct statfs info {};
  if (::statfs(root.c_str(), &info) != 0) {
    return base::ErrnoStatus(errno, base::StrCat("look at ", root));
  }
  const bool unified = static_cast<unsigned long>(info.f_type) == CGROUP2_SUPER_MAGIC;
  return Cgroups(unified ? CgroupVersion::kV2 : CgroupVersion::kV1, std::move(root));
}

std::string Cgroups::ControlGroup(const std::string& slice, const std::string& unit) {
  constexpr absl::string_view kSuffix = ".slice";
  std::string path;
  absl::string_view name = slice;
  if (absl::ConsumeSuffix(&name, kSuffix) && name != "-") {
    for (size_t dash = name.find('-'); dash != absl::string_view::npos; dash = name.find('-', dash + 1)) {
      path += base::StrCat("/", name.substr(0, dash), kSuffix);
    }
    path += base::StrCat("/", name, kSuffix);
  }
  return unit.empty() ? path : path + "/" + unit;
}

std::string Cgroups::V1Directory(const std::string& controller, const std::string& control_group) const {
  return base::StrCat(root_, "/", controller, control_group);
}

std::string Cgroups::MemoryDirectory(const std::string& control_group) const {
  return version_ == CgroupVersion::kV2 ? root_ + control_group : V1Directory("memory", control_group);
}

std::vector<std::string> Cgroups::ProcsFiles(const std::string& control_group) const {
  if (version_ == CgroupVersion::kV2) {
    return {root_ + control_group + "/cgroup.procs"};
  }
  std::vector<std::string> files = {V1Directory("systemd", control_group) + "/cgroup.procs"};
  const auto names = base::ListDirectory(root_);
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
    struct stat info {};
    // "cpu" and "cpuacct" may be links to one hierarchy "cpu,cpuacct".
    const bool link = ::lstat((root_ + "/" + name).c_str(), &info) != 0 || S_ISLNK(info.st_mode);
    const std::string file = V1Directory(name, control_group) + "/cgroup.procs";
    if (name != "systemd" && !link && base::Exists(file)) {
      files.push_back(file);
    }
  }
  return files;
}

absl::StatusOr<std::vector<int>> Cgroups::Processes(const std::string& control_group) const {
  std::vector<int> processes;
  const std::string directory =
      version_ == CgroupVersion::kV2 ? root_ + control_group : V1Directory("systemd", control_group);
  RETURN_IF_ERROR(CollectProcesses(directory, processes));
  return processes;
}

absl::StatusOr<CgroupUsage> Cgroups::Usage(const std::string& control_group) const {
  if (!base::Exists(MemoryDirectory(control_group))) {
    return absl::NotFoundError(base::StrCat("cgroup ", control_group, " does not exist"));
  }
  if (version_ == CgroupVersion::kV2) {
    return UsageV2(root_ + control_group);
  }
  CgroupUsage usage;
  usage.cpu_usage_nanos = ReadNumber(V1Directory("cpuacct", control_group) + "/cpuacct.usage");
  if (!usage.cpu_usage_nanos.has_value()) {
    // Where cpuacct is mounted apart from cpu, systemd makes no group in it; its own v2 hierarchy counts CPU time as
    // well.
    if (const auto micros = Find(ReadTable(V1Directory("unified", control_group) + "/cpu.stat"), "usage_usec")) {
      usage.cpu_usage_nanos = *micros * 1000;
    }
  }
  const std::string memory_directory = V1Directory("memory", control_group);
  const auto memory = ReadTable(memory_directory + "/memory.stat");
  usage.memory_usage = ReadNumber(memory_directory + "/memory.usage_in_bytes");
  usage.memory_working_set = WorkingSet(usage.memory_usage, Find(memory, "total_inactive_file"));
  usage.memory_rss = Find(memory, "total_rss");
  usage.memory_limit = ReadNumber(memory_directory + "/memory.limit_in_bytes");
  if (usage.memory_limit.value_or(0) >= kNoLimit) {
    usage.memory_limit.reset();
  }
  usage.page_faults = Find(memory, "total_pgfault");
  usage.major_page_faults = Find(memory, "total_pgmajfault");
  usage.swap_usage = Find(memory, "total_swap");
  usage.pids = ReadNumber(V1Directory("pids", control_group) + "/pids.current");
  return usage;
}

}  // namespace rktlet::unit
