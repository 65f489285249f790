// SPDX-License-Identifier: Apache-2.0
// What SELinux is on this machine, and the label of a pod's and a container's processes and files. Without libselinux:
// three files say all that is needed, and `rkt` would load that library at every start.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "spec/security.h"

namespace rkt::selinux {

struct Policy {
  bool enabled = false;
  // What the policy has for containers (lxc_contexts in its directory), without a pod's categories.
  std::string process_context = "system_u:system_r:container_t:s0";
  std::string file_context = "system_u:object_r:container_file_t:s0";
  // Whether the loaded policy knows a context: OK, InvalidArgument when not.
  std::function<absl::Status(const std::string& context)> check;
};

// Of the kernel and of the configuration; the arguments are others in tests.
Policy ReadPolicy(const std::string& selinuxfs = "/sys/fs/selinux", const std::string& config = "/etc/selinux");

struct Labels {
  std::string process;
  std::string mount;  // of all files that are the container's alone
  bool empty() const { return process.empty() && mount.empty(); }
};

// Labels from what was asked for, what the policy has, and the pod's level. Of a privileged container the process is
// spc_t, which no policy confines, at s0 unless a level is asked for. Without SELinux, and where nothing is asked for
// and the policy knows no containers, both are empty. FailedPrecondition when options are given and there is no
// SELinux; InvalidArgument when the policy does not know the label they make.
absl::StatusOr<Labels> MakeLabels(const Policy& policy, const rktlet::spec::SelinuxOptions& options, bool privileged,
                                  const std::string& pod_level);

// The option that gives a file system that is mounted this one label, with a comma before it; empty without a label.
std::string ContextOption(const std::string& mount_label);

}  // namespace rkt::selinux
