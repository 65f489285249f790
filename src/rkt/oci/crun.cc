// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/crun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"
#include "rkt/oci/process.h"

namespace rkt::oci {
namespace {

using rktlet::base::UniqueFd;

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

}  // namespace

absl::StatusOr<Crun> Crun::Find() {
  Crun crun;
  if (const char* given = std::getenv("RKT_CRUN"); given != nullptr && *given != '\0') {
    crun.path_ = given;
  } else {
    for (const char* directory : {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin"}) {
      const std::string path = std::string(directory) + "/crun";
      if (access(path.c_str(), X_OK) == 0) {
        crun.path_ = path;
        break;
      }
    }
  }
  if (crun.path_.empty() || access(crun.path_.c_str(), X_OK) != 0) {
    return absl::NotFoundError("crun is not installed: containers cannot be started");
  }
  crun.read_only_ = ReadOnlyMount(crun.path_);
  return crun;
}

std::vector<std::string> Crun::Arguments(const rktlet::spec::Layout& layout, const std::string& log,
                                         const std::vector<std::string>& command) const {
  std::vector<std::string> arguments = {"crun", "--root=" + layout.CrunRoot(), "--log=" + log, "--log-format=json",
                                        "--cgroup-manager=disabled"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

int Crun::Exec(char* const* argv, char* const* envp) const {
  if (read_only_.valid()) {
    syscall(SYS_execveat, read_only_.get(), "", argv, envp, AT_EMPTY_PATH);
  }
  execve(path_.c_str(), argv, envp);
  return errno;
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

std::vector<std::string> CrunEnvironment() { return {std::string("PATH=") + kDefaultPath}; }

}  // namespace rkt::oci
