// SPDX-License-Identifier: Apache-2.0
#include "spec/pod_spec.h"

#include "spec/common_fields.h"
#include "spec/pod_fields.h"

namespace rktlet::spec {
namespace {

constexpr size_t kMaxHostname = 64;  // the kernel's __NEW_UTS_LEN

void CheckPort(Problems& problems, size_t index, const PortMapping& port) {
  const std::string where = base::StrCat("ports[", index, "]");
  problems.Check(port.protocol == "tcp" || port.protocol == "udp" || port.protocol == "sctp",
                 where + ".protocol: must be tcp, udp or sctp");
  problems.Check(port.container_port > 0 && port.container_port <= 65535,
                 where + ".container_port: must be 1 to 65535");
  problems.Check(port.host_port >= 0 && port.host_port <= 65535, where + ".host_port: must be 0 to 65535");
}

void CheckDns(Problems& problems, const DnsConfig& dns) {
  for (const std::string& line : dns.servers) {
    problems.Check(IsLine(line) && !line.empty(), "dns.servers: a server is empty or has more than a line");
  }
  for (const auto* list : {&dns.searches, &dns.options}) {
    for (const std::string& line : *list) {
      problems.Check(IsLine(line), "dns: a search domain or option has more than a line");
    }
  }
  problems.Check(IsLine(dns.domain), "dns.domain: has more than a line");
}

// One range each, because every user of a file needs one answer; from 0, because there has to be a root; the same for
// both kinds of ids, because a mount's owner is a pair of them.
void CheckUserNamespace(Problems& problems, const PodSpec& spec) {
  const UserNamespace& user = *spec.user_namespace;
  for (const auto& [name, mappings] :
       {std::pair{"user_namespace.uids", &user.uids}, {"user_namespace.gids", &user.gids}}) {
    problems.Check(mappings->size() == 1, base::StrCat(name, ": has ", mappings->size(), " ranges, must have one"));
    CheckIdMappings(problems, name, *mappings);
    problems.Check(mappings->size() != 1 || mappings->front().container_id == 0,
                   base::StrCat(name, ": must begin at the id 0 inside"));
    problems.Check(mappings->size() != 1 || mappings->front().host_id != 0,
                   base::StrCat(name, ": would make root inside the node's root"));
  }
  problems.Check(user.uids == user.gids, "user_namespace: uids and gids differ");
  problems.Check(spec.pid != NamespaceMode::kNode, "user_namespace: cannot go with the node's processes (pid)");
  problems.Check(spec.ipc != NamespaceMode::kNode, "user_namespace: cannot go with the node's IPC namespace (ipc)");
}

}  // namespace

absl::Status Validate(const PodSpec& spec) {
  Problems problems;
  problems.Check(!spec.id.empty(), "id: missing");
  problems.Check(!spec.managed || !spec.name.empty(), "name: missing");
  for (const std::string* text : {&spec.name, &spec.namespace_, &spec.uid, &spec.hostname}) {
    problems.Check(IsLine(*text), "name, namespace, uid or hostname: has control characters");
  }
  problems.Check(spec.hostname.size() <= kMaxHostname, base::StrCat("hostname: longer than ", kMaxHostname, " bytes"));
  problems.Check(spec.log_directory.empty() || IsAbsolutePath(spec.log_directory),
                 "log_directory: not an absolute path");
  CheckDns(problems, spec.dns);
  for (const HostsEntry& entry : spec.hosts_entries) {
    problems.Check(!entry.ip.empty() && IsLine(entry.ip) && !entry.names.empty(),
                   "hosts_entries: needs an ip and a name");
    for (const std::string& name : entry.names) {
      problems.Check(!name.empty() && IsLine(name), "hosts_entries: a name is empty or has more than a line");
    }
  }
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    CheckPort(problems, i, spec.ports[i]);
  }
  problems.Check(spec.network == NamespaceMode::kPod || spec.network == NamespaceMode::kNode,
                 "network: must be pod or node");
  problems.Check(spec.ipc == NamespaceMode::kPod || spec.ipc == NamespaceMode::kNode, "ipc: must be pod or node");
  problems.Check(spec.pid != NamespaceMode::kTarget, "pid: must be pod, container or node");
  if (spec.user_namespace.has_value()) {
    CheckUserNamespace(problems, spec);
  }
  for (const auto& [name, value] : spec.sysctls) {
    problems.Check(!name.empty() && IsLine(name) && name.find("..") == std::string::npos && IsLine(value),
                   base::StrCat("sysctls: \"", name, "\" is not a sysctl name with a value of one line"));
  }
  if (spec.overhead.has_value()) {
    CheckResources(problems, "overhead", *spec.overhead);
  }
  if (spec.resources.has_value()) {
    CheckResources(problems, "resources", *spec.resources);
  }
  if (spec.security.seccomp.has_value()) {
    CheckProfile(problems, "security.seccomp", *spec.security.seccomp);
  }
  if (spec.security.apparmor.has_value()) {
    CheckProfile(problems, "security.apparmor", *spec.security.apparmor);
  }
  return problems.ToStatus();
}

absl::StatusOr<PodSpec> ParsePodSpec(const std::string& json) {
  ASSIGN_OR_RETURN(PodSpec spec, internal::ReadDocument<PodSpec>(json, "pod document"));
  RETURN_IF_ERROR(base::Annotate(Validate(spec), "pod document"));
  return spec;
}

std::string ToJson(const PodSpec& spec) { return internal::WriteDocument(spec); }

}  // namespace rktlet::spec
