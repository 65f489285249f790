// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/oci_runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/oci/mounts.h"
#include "rkt/oci/process.h"
#include "spec/runtime_handlers.h"
#include "unit/cgroup.h"

namespace rkt::oci {
namespace {

using Json = nlohmann::json;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr char kCgroupRoot[] = "/sys/fs/cgroup";

// A mount of its own of one file, attached nowhere, read-only.
UniqueFd ReadOnlyMount(const std::string& path) {
  UniqueFd fd(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!fd.valid()) {
    return fd;
  }
  struct mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, fd.get(), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0) {
    fd.Reset();
  }
  return fd;
}

// cgroup v1: hierarchies that systemd does not manage have no group of the unit. runc would make one there that nobody
// takes away, so it does not get to see them.
absl::Status HideOtherHierarchies(const std::string& control_group) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, rktlet::base::ListDirectory(kCgroupRoot));
  if (mount(nullptr, kCgroupRoot, nullptr, MS_PRIVATE | MS_REC, nullptr) != 0) {
    return ErrnoStatus(errno, StrCat("making ", kCgroupRoot, " private"));
  }
  for (const std::string& name : names) {
    const std::string point = StrCat(kCgroupRoot, "/", name);
    // Links to hierarchies of two controllers, and what is no mount point, are refused by umount2 themselves.
    if (!rktlet::base::Exists(point + control_group) && umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 &&
        errno != EINVAL) {
      return ErrnoStatus(errno, StrCat("hiding ", point));
    }
  }
  return absl::OkStatus();
}

}  // namespace

RuntimeTraits TraitsOf(const std::string& handler) {
  const bool runc = handler == rktlet::spec::kRunc;
  return {.compiled_seccomp = !runc, .joins_cgroup = runc, .logs_hooks = !runc};
}

absl::StatusOr<OciRuntime> OciRuntime::Find(const std::string& handler) {
  OciRuntime runtime;
  ASSIGN_OR_RETURN(runtime.name_, rktlet::spec::RuntimeHandlerName(handler));
  ASSIGN_OR_RETURN(runtime.path_, rktlet::spec::FindRuntimeProgram(handler));
  runtime.read_only_ = ReadOnlyMount(runtime.path_);
  return runtime;
}

std::vector<std::string> OciRuntime::Arguments(const std::string& root, const std::string& log,
                                               const std::vector<std::string>& command) const {
  std::vector<std::string> arguments = {name_, "--root=" + root, "--log=" + log, "--log-format=json"};
  if (!TraitsOf(name_).joins_cgroup) {
    arguments.push_back("--cgroup-manager=disabled");
  }
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

absl::Status OciRuntime::PrepareMountNamespace(const std::string& control_group) const {
  if (!TraitsOf(name_).joins_cgroup) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
  if (cgroups.version() == rktlet::unit::CgroupVersion::kV2) {
    return absl::OkStatus();
  }
  return HideOtherHierarchies(control_group);
}

int OciRuntime::Exec(char* const* argv, char* const* envp) const {
  if (read_only_.valid()) {
    syscall(SYS_execveat, read_only_.get(), "", argv, envp, AT_EMPTY_PATH);
  }
  execve(path_.c_str(), argv, envp);
  return errno;
}

std::string LastRuntimeError(const std::string& log) {
  std::string last;
  for (size_t begin = 0; begin < log.size();) {
    const size_t end = std::min(log.find('\n', begin), log.size());
    const Json entry = Json::parse(log.substr(begin, end - begin), nullptr, false);
    if (entry.is_object() && entry.value("level", "error") == "error") {
      last = entry.value("msg", "");
    }
    begin = end + 1;
  }
  return last;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> RuntimeEnvironment() { return {std::string("PATH=") + kDefaultPath}; }

}  // namespace rkt::oci
