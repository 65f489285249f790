// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/spec_builder.h"

#include <algorithm>

#include "base/strings.h"
#include "rkt/oci/capabilities.h"
#include "rkt/oci/criu.h"
#include "rkt/oci/devices.h"
#include "rkt/oci/id_mappings.h"
#include "rkt/oci/oci_runtime.h"
#include "rkt/selinux/relabel.h"
#include "spec/checkpoint_files.h"
#include "unit/cgroup.h"
#include "unit/unit_names.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;

// Of a container that names none, as containerd and CRI-O have them.
const std::vector<std::string>& DefaultMaskedPaths() {
  static const std::vector<std::string> kPaths = {"/proc/acpi",
                                                  "/proc/asound",
                                                  "/proc/kcore",
                                                  "/proc/keys",
                                                  "/proc/latency_stats",
                                                  "/proc/timer_list",
                                                  "/proc/timer_stats",
                                                  "/proc/sched_debug",
                                                  "/proc/scsi",
                                                  "/sys/firmware",
                                                  "/sys/devices/virtual/powercap"};
  return kPaths;
}

const std::vector<std::string>& DefaultReadonlyPaths() {
  static const std::vector<std::string> kPaths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                  "/proc/sysrq-trigger"};
  return kPaths;
}

void ApplyPaths(const rktlet::spec::ContainerSecurity& security, RuntimeSpec& spec) {
  if (security.privileged) {
    return;
  }
  spec.masked_paths = security.masked_paths.value_or(DefaultMaskedPaths());
  spec.readonly_paths = security.readonly_paths.value_or(DefaultReadonlyPaths());
}

void ApplyOomScore(const rktlet::spec::Resources& resources, const HostFacts& facts, RuntimeSpec& spec,
                   std::vector<std::string>& warnings) {
  if (!resources.oom_score_adj.has_value()) {
    return;
  }
  int64_t score = std::clamp<int64_t>(*resources.oom_score_adj, -1000, 1000);
  if (score < facts.minimum_oom_score_adj) {
    warnings.push_back(StrCat("oom_score_adj ", score, " cannot be set without CAP_SYS_RESOURCE: it is ",
                              facts.minimum_oom_score_adj));
    score = facts.minimum_oom_score_adj;
  }
  spec.process.oom_score_adj = static_cast<int>(score);
}

absl::Status ApplyDevices(const rktlet::spec::ContainerSpec& container, const std::vector<GivenDevice>& given,
                          RuntimeSpec& spec) {
  if (container.HasHostDevices()) {
    ASSIGN_OR_RETURN(spec.devices, HostDevices());
  }
  for (const GivenDevice& device : given) {
    std::erase_if(spec.devices, [&](const LinuxDevice& other) { return other.path == device.node.path; });
    LinuxDevice& node = spec.devices.emplace_back(device.node);
    if (container.devices_belong_to_user) {
      node.uid = spec.process.user.uid;
      node.gid = spec.process.user.gid;
    }
  }
  return absl::OkStatus();
}

// The unit's device rules once more, in the words of config.json, for a runtime that writes them too.
std::vector<DeviceRule> DeviceRules(const rktlet::spec::ContainerSpec& container,
                                    const std::vector<GivenDevice>& given) {
  if (container.HasHostDevices()) {
    return {{.allow = true, .access = "rwm"}};
  }
  std::vector<DeviceRule> rules = {{.allow = false, .access = "rwm"}};
  for (const auto& [node, allowed] : given) {
    rules.push_back({true, node.type, node.major, node.minor, allowed.permissions});
  }
  return rules;
}

// Without a label there is nothing to do; volumes from images get theirs when they are mounted.
absl::StatusOr<std::vector<std::string>> VolumesToRelabel(const rktlet::spec::ContainerSpec& container,
                                                          const std::string& label) {
  std::vector<std::string> sources;
  for (const rktlet::spec::Mount& mount : container.mounts) {
    if (label.empty() || !mount.selinux_relabel || mount.kind != rktlet::spec::MountKind::kBind) {
      continue;
    }
    ASSIGN_OR_RETURN(std::string source, ResolveSource(mount));
    RETURN_IF_ERROR(rktlet::base::Annotate(rkt::selinux::CheckRelabel(source), StrCat("mount ", mount.container_path)));
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace

absl::StatusOr<BuildResult> BuildRuntimeSpec(const BuildInputs& inputs) {
  const rktlet::spec::ContainerSpec& container = inputs.container;
  const rktlet::spec::ContainerSecurity& security = container.security;
  if (security.privileged && !inputs.pod.security.privileged && inputs.pod.managed) {
    return absl::InvalidArgumentError(StrCat("container \"", container.name, "\" is privileged and its pod is not"));
  }
  BuildResult result;
  RuntimeSpec& spec = result.spec;
  spec.root_path = inputs.layout.PrivateMounts() + "/rootfs";
  spec.root_read_only = security.read_only_root;

  ASSIGN_OR_RETURN(spec.process.args, BuildArgv(container, inputs.image));
  spec.process.env = BuildEnvironment(container, inputs.image, inputs.hostname);
  ASSIGN_OR_RETURN(spec.process.cwd, BuildWorkingDirectory(container, inputs.image));
  spec.process.terminal = container.tty;
  spec.process.no_new_privileges = security.no_new_privileges;
  ASSIGN_OR_RETURN(spec.process.user, ResolveUser(security, inputs.image.user, inputs.read_image_file));
  RETURN_IF_ERROR(CheckMapped(inputs.pod, spec.process.user));
  ASSIGN_OR_RETURN(spec.process.capabilities, BuildCapabilities(security.capabilities, security.privileged,
                                                                inputs.facts.capabilities, result.warnings));
  ApplyOomScore(container.resources, inputs.facts, spec, result.warnings);
  ASSIGN_OR_RETURN(result.stop_signal, BuildStopSignal(container, inputs.image));

  ASSIGN_OR_RETURN(spec.namespaces,
                   BuildNamespaces(inputs.pod, container, inputs.holders, inputs.layout, inputs.facts.cgroup_version));
  if (inputs.pod.user_namespace.has_value()) {
    spec.uid_mappings = inputs.pod.user_namespace->uids;
    spec.gid_mappings = inputs.pod.user_namespace->gids;
  }
  ASSIGN_OR_RETURN(MountResult mounts,
                   BuildMounts({inputs.layout, inputs.pod, container, inputs.host_mounts, inputs.facts.mount_attributes,
                                inputs.facts.cgroup_version, inputs.declared_volumes}));
  spec.mounts = std::move(mounts.mounts);
  spec.rootfs_propagation = std::move(mounts.rootfs_propagation);
  ASSIGN_OR_RETURN(const std::vector<GivenDevice> devices, BuildDevices(container.devices));
  RETURN_IF_ERROR(ApplyDevices(container, devices, spec));
  ApplyPaths(security, spec);
  const RuntimeTraits traits = TraitsOf(inputs.pod.runtime_handler);
  if (traits.joins_cgroup) {
    spec.cgroups_path = rktlet::unit::Cgroups::ControlGroup(
        rktlet::unit::PodSlice(inputs.pod), rktlet::unit::ContainerUnitName(inputs.pod, container).str());
    spec.device_rules = DeviceRules(container, devices);
    spec.annotations.emplace_back(kCriuConfigAnnotation,
                                  inputs.layout.AppFile(inputs.pod.id, container.app, rktlet::spec::kCriuConfigFile));
  }
  for (const GivenDevice& device : devices) {
    result.device_nodes.push_back(device.allowed);
  }
  RETURN_IF_ERROR(ApplyCdiEdits(inputs.cdi_edits, inputs.host_mounts, traits.joins_cgroup, spec, result.cdi));
  result.device_nodes.insert(result.device_nodes.end(), result.cdi.device_nodes.begin(), result.cdi.device_nodes.end());
  if (!spec.hooks.empty() && traits.logs_hooks) {
    const std::string log = inputs.layout.AppFile(inputs.pod.id, container.app, rktlet::spec::kHooksLogFile);
    spec.annotations.emplace_back("run.oci.hooks.stdout", log);
    spec.annotations.emplace_back("run.oci.hooks.stderr", log);
  }
  RETURN_IF_ERROR(ApplySeccomp(security, inputs.facts, inputs.security_paths, traits.compiled_seccomp, spec));
  RETURN_IF_ERROR(ApplyApparmor(security, inputs.facts, spec, result.warnings));
  RETURN_IF_ERROR(ApplySelinux(container, inputs.facts, inputs.selinux_level, spec, result.warnings));
  ASSIGN_OR_RETURN(result.relabel, VolumesToRelabel(container, spec.mount_label));
  return result;
}

}  // namespace rkt::oci
