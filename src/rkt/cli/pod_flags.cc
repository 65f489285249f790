// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/pod_flags.h"

#include <unistd.h>

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/strings.h"
#include "rkt/cdi/resolve.h"
#include "unit/unit_names.h"

namespace rkt::cli {
namespace {

namespace spec = rktlet::spec;
using rktlet::base::StrCat;
using spec::NamespaceMode;

constexpr char kLogDirectoryAnnotation[] = "coreos.com/rkt/experiment/kubernetes-log-dir";
constexpr char kHostResolver[] = "host";
constexpr int64_t kDefaultIds = 65536;

absl::StatusOr<int32_t> ParsePortNumber(const std::string& text, const std::string& whole) {
  const auto number = ParseInt(text);
  if (!number.ok() || *number < 0 || *number > 65535) {
    return UsageError(StrCat("--port=", whole, ": \"", text, "\" is not a port"));
  }
  return static_cast<int32_t>(*number);
}

absl::StatusOr<spec::HostsEntry> ParseHostsEntry(const std::string& text) {
  const auto parsed = ParseKeyValue(text);
  if (!parsed.ok()) {
    return UsageError(StrCat("--hosts-entry=", text, ": ", parsed.status().message()));
  }
  const auto& pair = *parsed;
  return spec::HostsEntry{pair.first, {pair.second}};
}

absl::StatusOr<NamespaceMode> ParseMode(const std::string& flag, const std::string& text, NamespaceMode otherwise) {
  if (text.empty()) {
    return otherwise;
  }
  for (const auto& [name, mode] :
       {std::pair{"pod", NamespaceMode::kPod}, std::pair{"container", NamespaceMode::kContainer},
        std::pair{"node", NamespaceMode::kNode}, std::pair{"host", NamespaceMode::kNode}}) {
    if (text == name) {
      return mode;
    }
  }
  return UsageError(StrCat("--", flag, "=", text, ": must be pod, container or node"));
}

absl::Status SetNetworks(const std::vector<std::string>& flags, spec::PodSpec& pod) {
  for (const std::string& list : flags) {
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(list, ',', absl::SkipEmpty()))) {
      if (name.find(':') != std::string::npos) {
        return UsageError(StrCat("--net=", name, ": arguments of a network are not supported"));
      }
      pod.networks.push_back(name);
    }
  }
  if (pod.networks == std::vector<std::string>{"host"}) {
    pod.network = NamespaceMode::kNode;
    pod.networks.clear();
  } else if (pod.networks == std::vector<std::string>{"default"}) {
    pod.networks.clear();
  }
  return absl::OkStatus();
}

}  // namespace

spec::Layout LayoutOf(const Context& context) { return spec::Layout(context.flags().dir, context.flags().run_dir); }

void CniFlags::Define(FlagSet& flags) {
  flags.String("cni-conf-dir", "DIR", &conf_dir, "Directory of CNI configurations (default /etc/cni/net.d)");
  flags.List("cni-bin-dir", "DIR", &bin_dirs,
             "Directory of CNI plugins, repeatable (default /opt/cni/bin, /usr/lib/cni)");
}

rkt::pod::NetworkOptions CniFlags::Options() const {
  rkt::pod::NetworkOptions options;
  if (!conf_dir.empty()) {
    options.conf_dir = conf_dir;
  }
  if (!bin_dirs.empty()) {
    options.bin_dirs = bin_dirs;
  }
  return options;
}

void CdiFlags::Define(FlagSet& flags) {
  flags.List(
      "cdi-spec-dir", "DIR", &given_,
      "Directory of CDI specifications, repeatable, the later wins (default /etc/cdi, /var/run/cdi); an empty one "
      "alone switches CDI off");
}

std::vector<std::string> CdiFlags::directories() const {
  if (given_.empty()) {
    return rkt::cdi::DefaultDirectories();
  }
  std::vector<std::string> directories = given_;
  std::erase(directories, "");
  return directories;
}

void PodFlags::Define(FlagSet& flags) {
  flags.String("config", "FILE|-", &config, "The whole pod as one JSON document");
  flags.String("pod-id", "ID", &pod_id, "Id of the pod: a UUID or 64 hex digits (default: a fresh UUID)");
  flags.String("hostname", "NAME", &hostname, "Host name of the pod (default rkt-ID)");
  flags.List("net", "host|none|default|NAME[,…]", &networks, "Networks of the pod");
  flags.List("dns", "IP", &dns, "Name server, repeatable; host: the machine's");
  flags.List("dns-search", "DOMAIN", &dns_search, "Search domain, repeatable");
  flags.List("dns-opt", "OPTION", &dns_options, "Resolver option, repeatable");
  flags.String("dns-domain", "DOMAIN", &dns_domain, "Domain of the pod");
  flags.List("hosts-entry", "IP=NAME", &hosts_entries, "Entry in /etc/hosts, repeatable");
  flags.List("port", "NAME:PROTO:PODPORT:HOSTIP:HOSTPORT", &ports, "Port of the pod on the machine, repeatable");
  flags.KeyValues("annotation", &annotations, "Annotation for the engine, repeatable");
  flags.KeyValues("user-annotation", &user_annotations, "Annotation, repeatable");
  flags.KeyValues("user-label", &user_labels, "Label, repeatable");
  flags.KeyValues("sysctl", &sysctls, "Sysctl of the pod's namespaces, repeatable");
  flags.String("ipc", "pod|node", &ipc, "IPC namespace (default pod)");
  flags.String("pid", "pod|container|node", &pid, "PID namespace (default container)");
  flags.String("private-users", "ID[:LENGTH]", &private_users,
               "A user namespace of the pod's own, whose ids from 0 on are those from ID on (default LENGTH 65536)");
  flags.String("cgroup-parent", "SLICE", &cgroup_parent, "Slice of the pod's units (default rktlet.slice)");
  flags.String("log-dir", "DIR", &log_directory, "Directory of the apps' logs");
  flags.Bool("no-overlay", &no_overlay, "Ignored: roots are always overlays").Hidden();
  flags.String("stage1-name", "NAME", &stage1_name, "Ignored: there is one stage 1").Hidden();
}

bool PodFlags::DescribesPod() const {
  return !config.empty() || !hostname.empty() || !networks.empty() || !dns.empty() || !dns_search.empty() ||
         !dns_options.empty() || !dns_domain.empty() || !hosts_entries.empty() || !ports.empty() ||
         !annotations.empty() || !user_annotations.empty() || !user_labels.empty() || !sysctls.empty() ||
         !ipc.empty() || !pid.empty() || !private_users.empty() || !cgroup_parent.empty() || !log_directory.empty();
}

absl::StatusOr<std::optional<spec::UserNamespace>> PodFlags::UserNamespace() const {
  if (private_users.empty()) {
    return std::optional<spec::UserNamespace>();
  }
  const size_t colon = private_users.find(':');
  const auto first = ParseInt(private_users.substr(0, colon));
  const auto length =
      colon == std::string::npos ? absl::StatusOr<int64_t>(kDefaultIds) : ParseInt(private_users.substr(colon + 1));
  const auto fits = [](const absl::StatusOr<int64_t>& number) {
    return number.ok() && *number > 0 && *number <= std::numeric_limits<uint32_t>::max();
  };
  if (!fits(first) || !fits(length)) {
    return UsageError(StrCat("--private-users=", private_users, ": must be ID or ID:LENGTH, both above 0"));
  }
  const std::vector<spec::IdMapping> ids = {
      {.container_id = 0, .host_id = static_cast<uint32_t>(*first), .length = static_cast<uint32_t>(*length)}};
  return std::optional<spec::UserNamespace>({ids, ids});
}

absl::StatusOr<spec::PodSpec> PodFlags::ToSpec(const Context& context) const {
  if (!config.empty()) {
    PodFlags others = *this;
    others.config.clear();
    if (others.DescribesPod() || !pod_id.empty()) {
      return UsageError("--config describes the whole pod: no other flag may");
    }
    ASSIGN_OR_RETURN(const std::string document, ReadDocument(config));
    return spec::ParsePodSpec(document);
  }
  if (no_overlay || !stage1_name.empty()) {
    context.Debug("--no-overlay and --stage1-name have no meaning any more");
  }
  spec::PodSpec pod;
  pod.id = spec::PodId::MakeUuid();
  if (!pod_id.empty()) {
    ASSIGN_OR_RETURN(pod.id, spec::PodId::Parse(pod_id));
  }
  pod.hostname = hostname;
  RETURN_IF_ERROR(SetNetworks(networks, pod));
  if (dns != std::vector<std::string>{kHostResolver}) {
    pod.dns.servers = dns;
  }
  pod.dns.searches = dns_search;
  pod.dns.options = dns_options;
  pod.dns.domain = dns_domain;
  for (const std::string& entry : hosts_entries) {
    ASSIGN_OR_RETURN(spec::HostsEntry parsed, ParseHostsEntry(entry));
    pod.hosts_entries.push_back(std::move(parsed));
  }
  for (const std::string& port : ports) {
    ASSIGN_OR_RETURN(spec::PortMapping parsed, ParsePort(port));
    pod.ports.push_back(std::move(parsed));
  }
  pod.rkt_annotations = annotations;
  pod.annotations = user_annotations;
  pod.labels = user_labels;
  pod.sysctls = sysctls;
  ASSIGN_OR_RETURN(pod.ipc, ParseMode("ipc", ipc, NamespaceMode::kPod));
  ASSIGN_OR_RETURN(pod.pid, ParseMode("pid", pid, NamespaceMode::kContainer));
  ASSIGN_OR_RETURN(pod.user_namespace, UserNamespace());
  if (!cgroup_parent.empty()) {
    ASSIGN_OR_RETURN(pod.slice, rktlet::unit::SliceOfCgroupParent(cgroup_parent));
  }
  pod.log_directory = log_directory;
  if (const auto found = annotations.find(kLogDirectoryAnnotation);
      log_directory.empty() && found != annotations.end()) {
    pod.log_directory = found->second;
  }
  RETURN_IF_ERROR(spec::Validate(pod));
  return pod;
}

absl::StatusOr<spec::PortMapping> ParsePort(const std::string& text) {
  const std::vector<std::string> head = absl::StrSplit(text, absl::MaxSplits(':', 3));
  if (head.size() != 4) {
    return UsageError(StrCat("--port=", text, ": must be name:proto:podPort:hostIP:hostPort"));
  }
  spec::PortMapping port;
  port.protocol = absl::AsciiStrToLower(head[1]);
  ASSIGN_OR_RETURN(port.container_port, ParsePortNumber(head[2], text));
  const size_t colon = head[3].rfind(':');  // the address may be IPv6
  const std::string host_port = colon == std::string::npos ? head[3] : head[3].substr(colon + 1);
  ASSIGN_OR_RETURN(port.host_port, ParsePortNumber(host_port, text));
  if (colon != std::string::npos) {
    port.host_ip = head[3].substr(0, colon);
    if (port.host_ip.size() > 2 && port.host_ip.front() == '[' && port.host_ip.back() == ']') {
      port.host_ip = port.host_ip.substr(1, port.host_ip.size() - 2);
    }
  }
  return port;
}

absl::StatusOr<std::string> ReadDocument(const std::string& path) {
  return path == "-" ? rktlet::base::ReadAll(STDIN_FILENO) : rktlet::base::ReadFile(path);
}

}  // namespace rkt::cli
