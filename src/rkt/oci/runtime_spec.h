// SPDX-License-Identifier: Apache-2.0
// The OCI runtime specification (config.json, version 1.0.x, the only one that crun 1.8 takes) as far as containers
// here use it, as plain structs, and its JSON. Limits are properties of the container's unit: of linux.resources there
// are only the device rules that runc insists on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "spec/hooks.h"
#include "spec/security.h"

namespace rkt::oci {

struct ProcessUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
};

struct ProcessCapabilities {
  std::vector<std::string> bounding;
  std::vector<std::string> effective;
  std::vector<std::string> permitted;
  std::vector<std::string> inheritable;
  std::vector<std::string> ambient;
};

struct Process {
  bool terminal = false;
  ProcessUser user;
  std::vector<std::string> args;
  std::vector<std::string> env;  // "K=V"
  std::string cwd = "/";
  ProcessCapabilities capabilities;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;  // empty: none
  std::string selinux_label;     // empty: none
};

struct RuntimeMount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<rktlet::spec::IdMapping> uid_mappings = {};  // of a bind mount; `app start --here` sees to them
  std::vector<rktlet::spec::IdMapping> gid_mappings = {};
};

struct LinuxNamespace {
  std::string type;
  std::string path;  // empty: a new one
};

struct LinuxDevice {
  std::string path;
  std::string type;  // "c", "b" or "p"
  int64_t major = 0;
  int64_t minor = 0;
  uint32_t file_mode = 0666;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// Of a runtime that joins the cgroup. Empty and -1: any.
struct DeviceRule {
  bool allow = false;
  std::string type;
  int64_t major = -1;
  int64_t minor = -1;
  std::string access;  // of "rwm"
};

// Those that the runtime itself runs in `create` and at the gate. The hooks behind that are not its: nobody calls its
// `start` and `delete` here.
struct RuntimeHooks {
  std::vector<rktlet::spec::Hook> prestart;
  std::vector<rktlet::spec::Hook> create_runtime;
  std::vector<rktlet::spec::Hook> create_container;
  std::vector<rktlet::spec::Hook> start_container;

  bool empty() const {
    return prestart.empty() && create_runtime.empty() && create_container.empty() && start_container.empty();
  }
};

struct RuntimeSpec {
  std::string root_path;
  bool root_read_only = false;
  Process process;
  std::vector<RuntimeMount> mounts;
  std::vector<LinuxNamespace> namespaces;
  std::vector<rktlet::spec::IdMapping> uid_mappings;  // of the user namespace among them
  std::vector<rktlet::spec::IdMapping> gid_mappings;
  std::vector<LinuxDevice> devices;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string rootfs_propagation;  // "rprivate", "rslave", "rshared"
  std::string mount_label;         // SELinux; empty: none
  // The compiled seccomp filter, base64, and the flags to load it with; empty: no filter.
  std::string seccomp_filter;
  std::vector<std::string> seccomp_flags;
  std::string seccomp_rules;  // instead: the profile as JSON (linux.seccomp)
  // The unit's cgroup and its device rules, for a runtime that would make a cgroup of its own; empty: not told.
  std::string cgroups_path;
  std::vector<DeviceRule> device_rules;
  RuntimeHooks hooks;
  std::vector<std::pair<std::string, std::string>> annotations;
};

// The document, indented, with a final newline. Text that is not UTF-8 is passed through as it is where JSON allows,
// else replaced.
std::string ToJson(const RuntimeSpec& spec);

}  // namespace rkt::oci
