// SPDX-License-Identifier: Apache-2.0
#include "unit/cgroup.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/strings.h"

namespace rktlet::unit {
namespace {

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

std::string Cgroups::Directory(const std::string& controller, const std::string& control_group) const {
  return version_ == CgroupVersion::kV2 ? root_ + control_group : base::StrCat(root_, "/", controller, control_group);
}

std::string Cgroups::MemoryDirectory(const std::string& control_group) const {
  return Directory("memory", control_group);
}

std::vector<std::string> Cgroups::ProcsFiles(const std::string& control_group) const {
  if (version_ == CgroupVersion::kV2) {
    return {root_ + control_group + "/cgroup.procs"};
  }
  std::vector<std::string> files = {Directory("systemd", control_group) + "/cgroup.procs"};
  const auto names = base::ListDirectory(root_);
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
    struct stat info {};
    // "cpu" and "cpuacct" may be links to one hierarchy "cpu,cpuacct".
    const bool link = ::lstat((root_ + "/" + name).c_str(), &info) != 0 || S_ISLNK(info.st_mode);
    const std::string file = Directory(name, control_group) + "/cgroup.procs";
    if (name != "systemd" && !link && base::Exists(file)) {
      files.push_back(file);
    }
  }
  return files;
}

absl::StatusOr<std::vector<int>> Cgroups::Processes(const std::string& control_group) const {
  std::vector<int> processes;
  RETURN_IF_ERROR(CollectProcesses(Directory("systemd", control_group), processes));
  return processes;
}

}  // namespace rktlet::unit
