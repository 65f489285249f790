// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/container_spec_from_cri.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/mount_from_cri.h"
#include "spec/cdi_names.h"

namespace rktlet::cri {
namespace {

namespace v1 = ::runtime::v1;

// Where the kubelet tells the grace period of the pod; CRI has no field for it.
constexpr char kGracePeriod[] = "io.kubernetes.pod.terminationGracePeriod";
// Annotations with such a key list names of CDI devices.
constexpr char kCdiAnnotations[] = "cdi.k8s.io/";

// Devices of the Container Device Interface: from the field, then from annotations, in which device plugins told them
// before there was one. A name that comes both ways counts once.
absl::Status ReadCdiDevices(const v1::ContainerConfig& config, spec::ContainerSpec& container) {
  std::vector<std::string>& devices = container.cdi_devices;
  const auto add = [&devices](const std::string& where, const std::string& name) -> absl::Status {
    if (const absl::Status status = spec::CheckCdiDeviceName(name); !status.ok()) {
      return WrongField(where, std::string(status.message()));
    }
    if (std::find(devices.begin(), devices.end(), name) == devices.end()) {
      devices.push_back(name);
    }
    return absl::OkStatus();
  };
  for (int i = 0; i < config.cdi_devices_size(); ++i) {
    RETURN_IF_ERROR(add(base::StrCat("config.CDI_devices[", i, "].name"), config.cdi_devices(i).name()));
  }
  const std::map<std::string, std::string> annotations(config.annotations().begin(), config.annotations().end());
  for (auto it = annotations.lower_bound(kCdiAnnotations); it != annotations.end(); ++it) {
    if (!it->first.starts_with(kCdiAnnotations)) {
      break;
    }
    for (const absl::string_view name : absl::StrSplit(it->second, ',')) {
      RETURN_IF_ERROR(add(base::StrCat("config.annotations[", it->first, "]"), std::string(name)));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadMountsAndDevices(const v1::ContainerConfig& config, spec::ContainerSpec& container) {
  for (int i = 0; i < config.mounts_size(); ++i) {
    ASSIGN_OR_RETURN(spec::Mount mount, MountFromCri(base::StrCat("config.mounts[", i, "]"), config.mounts(i)));
    container.mounts.push_back(std::move(mount));
  }
  for (int i = 0; i < config.devices_size(); ++i) {
    const v1::Device& cri = config.devices(i);
    spec::Device device;
    device.host_path = cri.host_path();
    device.container_path = cri.container_path().empty() ? cri.host_path() : cri.container_path();
    device.permissions = cri.permissions().empty() ? "rwm" : cri.permissions();
    if (device.host_path.empty()) {
      return WrongField(base::StrCat("config.devices[", i, "].host_path"), "missing");
    }
    container.devices.push_back(std::move(device));
  }
  return ReadCdiDevices(config, container);
}

absl::Status ReadProcess(const v1::ContainerConfig& config, spec::ContainerSpec& container) {
  container.command.assign(config.command().begin(), config.command().end());
  container.args.assign(config.args().begin(), config.args().end());
  container.working_directory = config.working_dir();
  for (int i = 0; i < config.envs_size(); ++i) {
    const v1::KeyValue& variable = config.envs(i);
    if (variable.key().empty()) {
      return WrongField(base::StrCat("config.envs[", i, "].key"), "missing");
    }
    container.environment.push_back({variable.key(), variable.value()});
  }
  container.stdin_open = config.stdin();
  container.stdin_once = config.stdin() && config.stdin_once();  // without stdin it has no meaning
  container.tty = config.tty();
  ASSIGN_OR_RETURN(container.stop_signal, SignalFromCri("config.stop_signal", config.stop_signal()));
  return absl::OkStatus();
}

absl::Status ReadNamespaces(const v1::NamespaceOption& options, const spec::PodSpec& pod,
                            spec::ContainerSecurity& security) {
  const std::string where = "config.linux.security_context.namespace_options";
  ASSIGN_OR_RETURN(const spec::NamespaceMode network, NamespaceModeFromCri(where + ".network", options.network()));
  ASSIGN_OR_RETURN(const spec::NamespaceMode ipc, NamespaceModeFromCri(where + ".ipc", options.ipc()));
  ASSIGN_OR_RETURN(security.pid, NamespaceModeFromCri(where + ".pid", options.pid()));
  // Network and IPC belong to the pod. POD is also what a request says that says nothing.
  if (network != spec::NamespaceMode::kPod && network != pod.network) {
    return WrongField(where + ".network", "differs from the pod's, which its containers share");
  }
  if (ipc != spec::NamespaceMode::kPod && ipc != pod.ipc) {
    return WrongField(where + ".ipc", "differs from the pod's, which its containers share");
  }
  if (security.pid == spec::NamespaceMode::kPod) {
    security.pid = pod.pid;  // of a pod that shares none, each container has its own
  }
  if (security.pid == spec::NamespaceMode::kTarget) {
    if (options.target_id().empty()) {
      return WrongField(where + ".target_id", "missing, with the PID mode TARGET");
    }
    security.pid_target = options.target_id();
  } else if (!options.target_id().empty()) {
    return WrongField(where + ".target_id", "belongs to the PID mode TARGET only");
  }
  ASSIGN_OR_RETURN(const std::optional<spec::UserNamespace> user, UserNamespaceFromCri(where, options));
  if (options.has_userns_options() && user != pod.user_namespace) {
    return WrongField(where + ".userns_options", "differs from the pod's, which its containers share");
  }
  if (pod.user_namespace.has_value() && security.pid == spec::NamespaceMode::kNode) {
    return WrongField(where + ".pid", "cannot be NODE in a pod with a user namespace");
  }
  return absl::OkStatus();
}

absl::Status ReadUser(const std::string& where, const v1::LinuxContainerSecurityContext& cri,
                      spec::ContainerSecurity& security) {
  if (cri.has_run_as_user()) {
    RETURN_IF_ERROR(CheckId(where + ".run_as_user", cri.run_as_user().value()));
    security.run_as_user = cri.run_as_user().value();
  }
  security.run_as_username = cri.run_as_username();
  if (security.run_as_user.has_value() && !security.run_as_username.empty()) {
    return WrongField(where + ".run_as_username", "given together with run_as_user");
  }
  if (cri.has_run_as_group()) {
    if (!security.run_as_user.has_value() && security.run_as_username.empty()) {
      return WrongField(where + ".run_as_group", "given without run_as_user or run_as_username");
    }
    RETURN_IF_ERROR(CheckId(where + ".run_as_group", cri.run_as_group().value()));
    security.run_as_group = cri.run_as_group().value();
  }
  for (const int64_t group : cri.supplemental_groups()) {
    RETURN_IF_ERROR(CheckId(where + ".supplemental_groups", group));
    security.supplemental_groups.push_back(group);
  }
  switch (cri.supplemental_groups_policy()) {
    case v1::Merge:
      security.supplemental_groups_policy = spec::SupplementalGroupsPolicy::kMerge;
      return absl::OkStatus();
    case v1::Strict:
      security.supplemental_groups_policy = spec::SupplementalGroupsPolicy::kStrict;
      return absl::OkStatus();
    default:
      return WrongField(where + ".supplemental_groups_policy", "must be Merge or Strict");
  }
}

absl::Status ReadConfinement(const std::string& where, const v1::LinuxContainerSecurityContext& cri,
                             spec::ContainerSecurity& security) {
  ASSIGN_OR_RETURN(const std::optional<spec::SecurityProfile> seccomp,
                   ProfileFromCri(where + ".seccomp", cri.has_seccomp() ? &cri.seccomp() : nullptr,
                                  where + ".seccomp_profile_path", cri.seccomp_profile_path()));
  ASSIGN_OR_RETURN(const std::optional<spec::SecurityProfile> apparmor,
                   ProfileFromCri(where + ".apparmor", cri.has_apparmor() ? &cri.apparmor() : nullptr,
                                  where + ".apparmor_profile", cri.apparmor_profile()));
  // What not to ask means differs: "runtime/default: equivalent to not specifying a profile" is said of AppArmor only.
  security.seccomp = seccomp.value_or(spec::SecurityProfile{spec::ProfileType::kUnconfined, ""});
  security.apparmor = apparmor.value_or(spec::SecurityProfile{spec::ProfileType::kRuntimeDefault, ""});
  // The kubelet sends the default lists itself, and empty ones for `procMount: Unmasked`.
  security.masked_paths.emplace(cri.masked_paths().begin(), cri.masked_paths().end());
  security.readonly_paths.emplace(cri.readonly_paths().begin(), cri.readonly_paths().end());
  if (security.privileged) {
    // What CRI says privileged means; an AppArmor profile that was asked for by name stays.
    security.seccomp = spec::SecurityProfile();
    if (security.apparmor.type == spec::ProfileType::kRuntimeDefault) {
      security.apparmor = spec::SecurityProfile();
    }
    security.masked_paths->clear();
    security.readonly_paths->clear();
  }
  return absl::OkStatus();
}

absl::Status ReadSecurity(const v1::LinuxContainerSecurityContext& cri, const spec::PodSpec& pod,
                          spec::ContainerSecurity& security) {
  const std::string where = "config.linux.security_context";
  security.privileged = cri.privileged();
  if (security.privileged && !pod.security.privileged) {
    return WrongField(where + ".privileged", "the pod was not made for privileged containers");
  }
  security.read_only_root = cri.readonly_rootfs();
  security.no_new_privileges = cri.no_new_privs();
  const v1::Capability& capabilities = cri.capabilities();
  security.capabilities.add.assign(capabilities.add_capabilities().begin(), capabilities.add_capabilities().end());
  security.capabilities.drop.assign(capabilities.drop_capabilities().begin(), capabilities.drop_capabilities().end());
  security.capabilities.add_ambient.assign(capabilities.add_ambient_capabilities().begin(),
                                           capabilities.add_ambient_capabilities().end());
  security.selinux = SelinuxFromCri(cri.selinux_options());
  if (security.selinux.empty()) {
    security.selinux = pod.security.selinux;
  }
  RETURN_IF_ERROR(ReadNamespaces(cri.namespace_options(), pod, security));
  RETURN_IF_ERROR(ReadUser(where, cri, security));
  return ReadConfinement(where, cri, security);
}

absl::Status ReadImage(const v1::ContainerConfig& config, spec::ContainerSpec& container) {
  if (config.image().image().empty()) {
    return WrongField("config.image.image", "missing");
  }
  container.image = config.image().image();
  container.user_specified_image = config.image().user_specified_image();
  return CheckRuntimeHandler("config.image.runtime_handler", config.image().runtime_handler());
}

// The pod's grace period, so that `systemctl stop` and a shutdown grant it as well.
absl::Status ReadGracePeriod(const v1::ContainerConfig& config, spec::ContainerSpec& container) {
  const auto annotation = config.annotations().find(kGracePeriod);
  if (annotation == config.annotations().end()) {
    return absl::OkStatus();
  }
  constexpr int64_t kMicroseconds = 1'000'000;
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(annotation->second, &seconds)) {
    return WrongField(base::StrCat("config.annotations[", kGracePeriod, "]"),
                      base::StrCat("\"", annotation->second, "\" is no number of seconds"));
  }
  // The API takes any number: below zero it means one second. systemd reads 0 as no limit after a reload.
  seconds = std::min(seconds < 0 ? 1 : seconds, std::numeric_limits<int64_t>::max() / kMicroseconds);
  container.stop_timeout_usec = seconds == 0 ? 1000 : seconds * kMicroseconds;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<spec::ContainerSpec> ContainerSpecFromCri(const v1::CreateContainerRequest& request,
                                                         const spec::PodSpec& pod) {
  if (!request.has_config()) {
    return WrongField("config", "missing");
  }
  const v1::ContainerConfig& config = request.config();
  if (!config.has_metadata()) {
    return WrongField("config.metadata", "missing");
  }
  if (config.metadata().name().empty()) {
    return WrongField("config.metadata.name", "missing");
  }
  if (config.has_windows()) {
    return UnbuiltField("config.windows", "containers of Windows are");
  }
  spec::ContainerSpec container;
  container.id = spec::ContainerId::MakeHex();
  ASSIGN_OR_RETURN(container.app, spec::AppName::Parse(container.id.str()));
  container.name = config.metadata().name();
  container.attempt = config.metadata().attempt();
  RETURN_IF_ERROR(ReadImage(config, container));
  RETURN_IF_ERROR(ReadProcess(config, container));
  RETURN_IF_ERROR(ReadMountsAndDevices(config, container));
  container.labels.insert(config.labels().begin(), config.labels().end());
  container.annotations.insert(config.annotations().begin(), config.annotations().end());
  if (!pod.log_directory.empty()) {
    container.log_path = config.log_path();  // a pod without a directory has no logs
  }
  RETURN_IF_ERROR(ReadGracePeriod(config, container));
  if (config.linux().has_resources()) {
    ASSIGN_OR_RETURN(container.resources, ResourcesFromCri("config.linux.resources", config.linux().resources()));
  }
  RETURN_IF_ERROR(ReadSecurity(config.linux().security_context(), pod, container.security));
  RETURN_IF_ERROR(base::Annotate(spec::Validate(container), "config"));
  return container;
}

}  // namespace rktlet::cri
