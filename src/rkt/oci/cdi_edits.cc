// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/cdi_edits.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/strings.h"
#include "rkt/oci/process.h"

namespace rkt::oci {
namespace {

using rkt::cdi::DeviceEdits;
using rkt::cdi::HookStage;
using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

// What a bind mount may say. Anything else would go to the kernel as data, which ignores it.
constexpr std::string_view kBindOptions[] = {
    "bind",       "rbind",  "ro",       "rro",        "rw",      "suid",        "nosuid",        "dev",      "nodev",
    "exec",       "noexec", "sync",     "async",      "atime",   "noatime",     "diratime",      "dirsync",  "mand",
    "nodiratime", "nomand", "relatime", "norelatime", "silent",  "strictatime", "nostrictatime", "defaults", "private",
    "rprivate",   "slave",  "rslave",   "shared",     "rshared", "loud"};

struct HostNode {
  std::string path;  // without links
  struct stat st = {};
  std::string type;  // "" for what is no device
};

absl::StatusOr<HostNode> LookAt(const std::string& path) {
  HostNode node;
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr || stat(resolved, &node.st) != 0) {
    return ErrnoStatus(errno, path);
  }
  node.path = resolved;
  node.type = S_ISCHR(node.st.st_mode) ? "c" : S_ISBLK(node.st.st_mode) ? "b" : S_ISFIFO(node.st.st_mode) ? "p" : "";
  return node;
}

// What the specification leaves open is as the node's own is. A complete one needs none: a driver may make it later.
absl::StatusOr<LinuxDevice> Resolve(const rkt::cdi::DeviceNode& wanted, const ProcessUser& user,
                                    const absl::StatusOr<HostNode>& host) {
  LinuxDevice device;
  device.path = wanted.path;
  device.type = wanted.type == "u" ? "c" : wanted.type;
  device.major = wanted.major;
  device.minor = wanted.minor;
  const bool complete = !device.type.empty() && (device.major != 0 || device.type == "p");
  if (!complete) {
    RETURN_IF_ERROR(host.status());
    if (host->type.empty()) {
      return absl::InvalidArgumentError(StrCat(host->path, " is no device"));
    }
    if (!device.type.empty() && device.type != host->type) {
      return absl::InvalidArgumentError(StrCat(host->path, " is of type ", host->type, ", not ", wanted.type));
    }
    device.type = host->type;
    if (device.type != "p" && device.major == 0) {
      device.major = major(host->st.st_rdev);
      device.minor = minor(host->st.st_rdev);
    }
  }
  device.file_mode = wanted.file_mode.value_or(host.ok() && !host->type.empty() ? host->st.st_mode : 0666U) & 07777U;
  device.uid = wanted.uid.value_or(user.uid);
  device.gid = wanted.gid.value_or(user.gid);
  return device;
}

// What the unit has to allow: the real node where there is one with these numbers, because systemd looks at it again at
// each reload; else the numbers as systemd reads them without a node.
std::string NameForUnit(const LinuxDevice& device, const absl::StatusOr<HostNode>& host) {
  if (host.ok() && host->type == device.type && host->st.st_rdev == makedev(device.major, device.minor)) {
    return host->path;
  }
  return StrCat(device.type == "b" ? "/dev/block/" : "/dev/char/", device.major, ":", device.minor);
}

absl::Status AddDeviceNode(const rkt::cdi::DeviceNode& wanted, bool device_rules, RuntimeSpec& spec,
                           CdiChanges& changes) {
  const absl::StatusOr<HostNode> host = LookAt(wanted.host_path.empty() ? wanted.path : wanted.host_path);
  ASSIGN_OR_RETURN(LinuxDevice device, Resolve(wanted, spec.process.user, host));
  const std::string permissions = wanted.permissions.empty() ? "rwm" : wanted.permissions;
  if (device.type != "p" && permissions != "none") {
    changes.device_nodes.push_back({NameForUnit(device, host), permissions});
    if (device_rules) {
      spec.device_rules.push_back({true, device.type, device.major, device.minor, permissions});
    }
  }
  std::erase_if(spec.devices, [&](const LinuxDevice& other) { return other.path == device.path; });
  spec.devices.push_back(std::move(device));
  return absl::OkStatus();
}

bool Has(const std::vector<std::string>& options, std::initializer_list<std::string_view> any) {
  return std::any_of(options.begin(), options.end(),
                     [&](const std::string& option) { return std::find(any.begin(), any.end(), option) != any.end(); });
}

bool IsBind(const rkt::cdi::Mount& mount) {
  return mount.type.empty() || mount.type == "bind" || mount.type == "none" || Has(mount.options, {"bind", "rbind"});
}

// Which mounts of the node's reach the container later, and the other way round: the root has to let them through.
absl::Status Propagate(const RuntimeMount& mount, const HostMounts& host_mounts, RuntimeSpec& spec) {
  const bool shared = Has(mount.options, {"shared", "rshared"});
  if (!shared && !Has(mount.options, {"slave", "rslave"})) {
    return absl::OkStatus();
  }
  const HostMounts::Mount* on = host_mounts.Find(mount.source);
  if (on == nullptr || !(on->shared || (on->slave && !shared))) {
    return absl::FailedPreconditionError(StrCat(mount.source, " is on a mount that is not shared"));
  }
  if (shared) {
    spec.rootfs_propagation = "rshared";
  } else if (spec.rootfs_propagation == "rprivate") {
    spec.rootfs_propagation = "rslave";
  }
  return absl::OkStatus();
}

absl::StatusOr<RuntimeMount> BindMount(const rkt::cdi::Mount& wanted, const HostMounts& host_mounts,
                                       RuntimeSpec& spec) {
  RuntimeMount mount{wanted.container_path, "bind", "", wanted.options};
  for (const std::string& option : wanted.options) {
    if (std::find(std::begin(kBindOptions), std::end(kBindOptions), option) == std::end(kBindOptions)) {
      return absl::InvalidArgumentError(StrCat("\"", option, "\" is no option of a bind mount"));
    }
  }
  char resolved[PATH_MAX];
  if (wanted.host_path.front() != '/') {
    return absl::InvalidArgumentError(StrCat("hostPath \"", wanted.host_path, "\" is not an absolute path"));
  }
  if (realpath(wanted.host_path.c_str(), resolved) == nullptr) {
    return ErrnoStatus(errno, StrCat("hostPath ", wanted.host_path));
  }
  mount.source = resolved;
  if (!Has(mount.options, {"bind", "rbind"})) {
    mount.options.insert(mount.options.begin(), "rbind");
  }
  if (!Has(mount.options, {"private", "rprivate", "slave", "rslave", "shared", "rshared"})) {
    mount.options.emplace_back("rprivate");  // as every bind mount here: said, not left to the runtime
  }
  RETURN_IF_ERROR(Propagate(mount, host_mounts, spec));
  return mount;
}

absl::Status AddMount(const rkt::cdi::Mount& wanted, const HostMounts& host_mounts, RuntimeSpec& spec,
                      CdiChanges& changes) {
  RuntimeMount mount{wanted.container_path, wanted.type, wanted.host_path, wanted.options};
  if (IsBind(wanted)) {
    ASSIGN_OR_RETURN(mount, BindMount(wanted, host_mounts, spec));
    changes.mount_sources.push_back(mount.source);
  }
  mount.destination = CleanPath(mount.destination);
  std::erase_if(spec.mounts, [&](const RuntimeMount& other) { return other.destination == mount.destination; });
  spec.mounts.push_back(std::move(mount));
  return absl::OkStatus();
}

// Where hooks of a stage go; null for those that nobody would run.
std::vector<rktlet::spec::Hook>* HooksOf(HookStage stage, RuntimeSpec& spec, CdiChanges& changes) {
  switch (stage) {
    case HookStage::kPrestart:
      return &spec.hooks.prestart;
    case HookStage::kCreateRuntime:
      return &spec.hooks.create_runtime;
    case HookStage::kCreateContainer:
      return &spec.hooks.create_container;
    case HookStage::kStartContainer:
      return &spec.hooks.start_container;
    case HookStage::kPoststart:
      return &changes.poststart;
    case HookStage::kPoststop:
      break;  // they need a unit that starts when the container's has ended, also with no rktlet there to start it
  }
  return nullptr;
}

// A hook that is missing is an error now, not when the container starts; but one for the container's own root file
// system is looked for there.
absl::Status AddHook(const rkt::cdi::Hook& wanted, RuntimeSpec& spec, CdiChanges& changes) {
  std::vector<rktlet::spec::Hook>* hooks = HooksOf(wanted.stage, spec, changes);
  if (hooks == nullptr) {
    return absl::UnimplementedError("poststop hooks are not supported");
  }
  struct stat st = {};
  if (wanted.stage != HookStage::kStartContainer) {
    if (stat(wanted.hook.path.c_str(), &st) != 0) {
      return ErrnoStatus(errno, StrCat("path ", wanted.hook.path));
    }
    if (!S_ISREG(st.st_mode) || access(wanted.hook.path.c_str(), X_OK) != 0) {
      return absl::InvalidArgumentError(StrCat("path ", wanted.hook.path, " is no program"));
    }
  }
  hooks->push_back(wanted.hook);
  return absl::OkStatus();
}

template <typename T, typename Add>
absl::Status ForEach(const std::vector<T>& list, const std::string& where, const Add& add) {
  for (size_t i = 0; i < list.size(); ++i) {
    RETURN_IF_ERROR(Annotate(add(list[i]), StrCat(where, "[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status Apply(const rkt::cdi::Edits& edits, const HostMounts& host_mounts, bool device_rules, RuntimeSpec& spec,
                   CdiChanges& changes) {
  if (edits.intel_rdt) {
    return absl::UnimplementedError(StrCat(edits.where, ".intelRdt: Intel RDT is not supported"));
  }
  if (edits.net_devices) {
    return absl::UnimplementedError(
        StrCat(edits.where, ".netDevices: moving network devices into a container is not supported"));
  }
  for (const std::string& variable : edits.env) {
    const size_t equals = variable.find('=');
    SetVariable(spec.process.env, variable.substr(0, equals), variable.substr(equals + 1));
  }
  RETURN_IF_ERROR(ForEach(edits.device_nodes, edits.where + ".deviceNodes",
                          [&](const auto& node) { return AddDeviceNode(node, device_rules, spec, changes); }));
  RETURN_IF_ERROR(ForEach(edits.mounts, edits.where + ".mounts",
                          [&](const auto& mount) { return AddMount(mount, host_mounts, spec, changes); }));
  RETURN_IF_ERROR(
      ForEach(edits.hooks, edits.where + ".hooks", [&](const auto& hook) { return AddHook(hook, spec, changes); }));
  std::vector<uint32_t>& groups = spec.process.user.additional_gids;
  for (const uint32_t group : edits.additional_gids) {
    if (group != 0 && std::find(groups.begin(), groups.end(), group) == groups.end()) {
      groups.push_back(group);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyCdiEdits(const std::vector<DeviceEdits>& edits, const HostMounts& host_mounts, bool device_rules,
                           RuntimeSpec& spec, CdiChanges& changes) {
  for (const DeviceEdits& edit : edits) {
    RETURN_IF_ERROR(Annotate(Apply(edit.edits, host_mounts, device_rules, spec, changes),
                             StrCat("CDI device ", edit.device, ": ", edit.file)));
  }
  if (!edits.empty()) {
    ParentsFirst(spec.mounts);
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
