// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/pod_spec_from_cri.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <utility>

#include "base/strings.h"
#include "rktlet/cri/fields_from_cri.h"
#include "unit/unit_names.h"

namespace rktlet::cri {
namespace {

namespace v1 = ::runtime::v1;

absl::Status ReadMetadata(const v1::PodSandboxConfig& config, spec::PodSpec& pod) {
  if (!config.has_metadata()) {
    return WrongField("config.metadata", "missing");
  }
  const v1::PodSandboxMetadata& metadata = config.metadata();
  if (metadata.name().empty()) {
    return WrongField("config.metadata.name", "missing");
  }
  if (metadata.namespace_().empty()) {
    return WrongField("config.metadata.namespace", "missing");
  }
  if (metadata.uid().empty()) {
    return WrongField("config.metadata.uid", "missing");
  }
  pod.name = metadata.name();
  pod.namespace_ = metadata.namespace_();
  pod.uid = metadata.uid();
  pod.attempt = metadata.attempt();
  return absl::OkStatus();
}

absl::Status ReadPorts(const v1::PodSandboxConfig& config, spec::PodSpec& pod) {
  for (int i = 0; i < config.port_mappings_size(); ++i) {
    const v1::PortMapping& cri = config.port_mappings(i);
    const std::string where = base::StrCat("config.port_mappings[", i, "]");
    spec::PortMapping port;
    switch (cri.protocol()) {
      case v1::TCP:
        port.protocol = "tcp";
        break;
      case v1::UDP:
        port.protocol = "udp";
        break;
      case v1::SCTP:
        port.protocol = "sctp";
        break;
      default:
        return WrongField(where + ".protocol", base::StrCat(int{cri.protocol()}, " is no protocol"));
    }
    if (cri.container_port() < 0 || cri.container_port() > 65535 || cri.host_port() < 0 || cri.host_port() > 65535) {
      return WrongField(where, "a port must be 0 to 65535");
    }
    if (cri.host_port() == 0) {
      continue;  // says what the container listens on: nothing to do
    }
    unsigned char address[sizeof(in6_addr)];
    if (!cri.host_ip().empty() && ::inet_pton(AF_INET, cri.host_ip().c_str(), address) != 1 &&
        ::inet_pton(AF_INET6, cri.host_ip().c_str(), address) != 1) {
      return WrongField(where + ".host_ip", base::StrCat("\"", cri.host_ip(), "\" is no IP address"));
    }
    port.container_port = cri.container_port();
    port.host_port = cri.host_port();
    port.host_ip = cri.host_ip();
    pod.ports.push_back(std::move(port));
  }
  return absl::OkStatus();
}

absl::Status ReadNamespaces(const v1::NamespaceOption& options, spec::PodSpec& pod) {
  const std::string where = "config.linux.security_context.namespace_options";
  ASSIGN_OR_RETURN(pod.network, NamespaceModeFromCri(where + ".network", options.network()));
  ASSIGN_OR_RETURN(pod.pid, NamespaceModeFromCri(where + ".pid", options.pid()));
  ASSIGN_OR_RETURN(pod.ipc, NamespaceModeFromCri(where + ".ipc", options.ipc()));
  if (pod.network != spec::NamespaceMode::kPod && pod.network != spec::NamespaceMode::kNode) {
    return WrongField(where + ".network", "of a pod must be POD or NODE");
  }
  if (pod.ipc != spec::NamespaceMode::kPod && pod.ipc != spec::NamespaceMode::kNode) {
    return WrongField(where + ".ipc", "of a pod must be POD or NODE");
  }
  if (pod.pid == spec::NamespaceMode::kTarget || !options.target_id().empty()) {
    return WrongField(where + ".target_id", "the mode TARGET and its id are for containers");
  }
  ASSIGN_OR_RETURN(pod.user_namespace, UserNamespaceFromCri(where, options));
  return absl::OkStatus();
}

absl::Status ReadSecurity(const v1::LinuxSandboxSecurityContext& cri, spec::PodSpec& pod) {
  const std::string where = "config.linux.security_context";
  RETURN_IF_ERROR(ReadNamespaces(cri.namespace_options(), pod));
  spec::PodSecurity& security = pod.security;
  security.privileged = cri.privileged();
  security.read_only_root = cri.readonly_rootfs();
  security.selinux = SelinuxFromCri(cri.selinux_options());
  if (cri.has_run_as_user()) {
    RETURN_IF_ERROR(CheckId(where + ".run_as_user", cri.run_as_user().value()));
    security.run_as_user = cri.run_as_user().value();
  }
  if (cri.has_run_as_group()) {
    if (!cri.has_run_as_user()) {
      return WrongField(where + ".run_as_group", "given without run_as_user");
    }
    RETURN_IF_ERROR(CheckId(where + ".run_as_group", cri.run_as_group().value()));
    security.run_as_group = cri.run_as_group().value();
  }
  for (const int64_t group : cri.supplemental_groups()) {
    RETURN_IF_ERROR(CheckId(where + ".supplemental_groups", group));
    security.supplemental_groups.push_back(group);
  }
  // There is no process of the sandbox that could have groups, so either policy is kept.
  if (!v1::SupplementalGroupsPolicy_IsValid(cri.supplemental_groups_policy())) {
    return WrongField(where + ".supplemental_groups_policy", "must be Merge or Strict");
  }
  ASSIGN_OR_RETURN(security.seccomp, ProfileFromCri(where + ".seccomp", cri.has_seccomp() ? &cri.seccomp() : nullptr,
                                                    where + ".seccomp_profile_path", cri.seccomp_profile_path()));
  ASSIGN_OR_RETURN(security.apparmor,
                   ProfileFromCri(where + ".apparmor", cri.has_apparmor() ? &cri.apparmor() : nullptr, "", ""));
  return absl::OkStatus();
}

absl::Status ReadLinux(const v1::LinuxPodSandboxConfig& cri, const std::string& default_slice, spec::PodSpec& pod) {
  if (cri.cgroup_parent().empty()) {
    pod.slice = default_slice;
  } else {
    ASSIGN_OR_RETURN(pod.slice, unit::SliceOfCgroupParent(cri.cgroup_parent()));
  }
  for (const auto& [name, value] : cri.sysctls()) {
    pod.sysctls.emplace(name, value);
  }
  if (cri.has_overhead()) {
    ASSIGN_OR_RETURN(pod.overhead, ResourcesFromCri("config.linux.overhead", cri.overhead()));
  }
  if (cri.has_resources()) {
    ASSIGN_OR_RETURN(pod.resources, ResourcesFromCri("config.linux.resources", cri.resources()));
  }
  return ReadSecurity(cri.security_context(), pod);
}

std::string NodeName() {
  char name[256] = "";
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

}  // namespace

absl::StatusOr<spec::PodSpec> PodSpecFromCri(const v1::RunPodSandboxRequest& request,
                                             const std::string& default_slice) {
  if (!request.has_config()) {
    return WrongField("config", "missing");
  }
  const v1::PodSandboxConfig& config = request.config();
  spec::PodSpec pod;
  pod.id = spec::PodId::MakeHex();
  pod.managed = true;
  RETURN_IF_ERROR(ReadMetadata(config, pod));
  RETURN_IF_ERROR(CheckRuntimeHandler("runtime_handler", request.runtime_handler()));
  pod.runtime_handler = request.runtime_handler();
  if (config.has_windows()) {
    return UnbuiltField("config.windows", "pods of Windows are");
  }
  pod.hostname = config.hostname().empty() ? NodeName() : config.hostname();
  pod.log_directory = config.log_directory();
  for (const std::string& server : config.dns_config().servers()) {
    pod.dns.servers.push_back(server);
  }
  for (const std::string& search : config.dns_config().searches()) {
    pod.dns.searches.push_back(search);
  }
  for (const std::string& option : config.dns_config().options()) {
    pod.dns.options.push_back(option);
  }
  RETURN_IF_ERROR(ReadPorts(config, pod));
  pod.labels.insert(config.labels().begin(), config.labels().end());
  pod.annotations.insert(config.annotations().begin(), config.annotations().end());
  // Absent messages read as their defaults, which is what CRI wants: all namespaces the pod's.
  RETURN_IF_ERROR(ReadLinux(config.linux(), default_slice, pod));
  RETURN_IF_ERROR(base::Annotate(spec::Validate(pod), "config"));
  return pod;
}

}  // namespace rktlet::cri
