// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/sysctls.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/files.h"
#include "base/strings.h"

namespace rkt::pod {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::NamespaceMode;

const std::set<std::string>& IpcSysctls() {
  static const std::set<std::string> names = {
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
      "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
  };
  return names;
}

// With dots between the components, as sysctl(8) prints them: when the first separator is a slash the two change
// places.
std::string Dotted(std::string name) {
  const size_t separator = name.find_first_of("./");
  if (separator == std::string::npos || name[separator] == '.') {
    return name;
  }
  for (char& character : name) {
    character = character == '/' ? '.' : character == '.' ? '/' : character;
  }
  return name;
}

bool StartsWith(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

std::string Problem(const std::string& name, const rktlet::spec::PodSpec& pod) {
  switch (ScopeOfSysctl(name)) {
    case SysctlScope::kNetwork:
      return pod.network == NamespaceMode::kPod ? "" : StrCat(name, " needs a pod with a network namespace of its own");
    case SysctlScope::kIpc:
      return pod.ipc == NamespaceMode::kPod ? "" : StrCat(name, " needs a pod with an IPC namespace of its own");
    case SysctlScope::kUts:
      return pod.network == NamespaceMode::kPod ? "" : StrCat(name, " needs a pod with a UTS namespace of its own");
    case SysctlScope::kMachine:
      break;
  }
  return StrCat(name, " is not namespaced: a pod may not set it");
}

}  // namespace

SysctlScope ScopeOfSysctl(const std::string& name) {
  const std::string dotted = Dotted(name);
  if (StartsWith(dotted, "net.")) {
    return SysctlScope::kNetwork;
  }
  if (IpcSysctls().count(dotted) != 0 || StartsWith(dotted, "fs.mqueue.")) {
    return SysctlScope::kIpc;
  }
  return dotted == "kernel.domainname" ? SysctlScope::kUts : SysctlScope::kMachine;
}

std::string SysctlPath(const std::string& name) {
  std::string path = Dotted(name);
  for (char& character : path) {
    character = character == '/' ? '.' : character == '.' ? '/' : character;
  }
  return "/proc/sys/" + path;
}

absl::Status CheckSysctls(const rktlet::spec::PodSpec& pod) {
  std::vector<std::string> problems;
  for (const auto& [name, value] : pod.sysctls) {
    if (std::string problem = Problem(name, pod); !problem.empty()) {
      problems.push_back(std::move(problem));
    }
  }
  if (problems.empty()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat("sysctls: ", absl::StrJoin(problems, "; ")));
}

absl::Status ApplySysctls(const std::map<std::string, std::string>& sysctls, SysctlScope scope) {
  for (const auto& [name, value] : sysctls) {
    if (ScopeOfSysctl(name) == scope) {
      RETURN_IF_ERROR(rktlet::base::Annotate(rktlet::base::WriteExistingFile(SysctlPath(name), value),
                                             StrCat("set sysctl ", name, " to \"", value, "\"")));
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::pod
