// SPDX-License-Identifier: Apache-2.0
// What a pod is: the document that `rkt app prepare --config=-` takes and that stays in the pod directory. Field by
// field in docs/config-documents.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/ids.h"
#include "spec/resources.h"
#include "spec/security.h"

namespace rktlet::spec {

struct DnsConfig {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
  std::string domain;
  bool empty() const { return servers.empty() && searches.empty() && options.empty() && domain.empty(); }
  bool operator==(const DnsConfig&) const = default;
};

struct HostsEntry {
  std::string ip;
  std::vector<std::string> names;
  bool operator==(const HostsEntry&) const = default;
};

struct PortMapping {
  std::string protocol;  // "tcp", "udp" or "sctp"
  int32_t container_port = 0;
  int32_t host_port = 0;  // 0: not mapped to the host
  std::string host_ip;    // empty: every address
  bool operator==(const PortMapping&) const = default;
};

struct PodSpec {
  PodId id;
  // The Kubernetes identity; of a pod made by hand only `name` (its id unless given).
  std::string name;
  std::string namespace_;
  std::string uid;
  uint32_t attempt = 0;

  bool managed = false;       // made by rktlet: in CRI's lists, and not collected by `rkt gc`
  std::string hostname;       // empty: the engine's choice, "rkt-<id>" by hand; CRI with host network: the host's
  std::string log_directory;  // absolute; empty: containers have no CRI log
  DnsConfig dns;              // empty: the host's resolv.conf
  std::vector<HostsEntry> hosts_entries;
  std::vector<PortMapping> ports;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::map<std::string, std::string> rkt_annotations;  // `--annotation=`: for the engine itself

  std::string slice;  // the systemd slice of the pod's units, e.g. "kubepods-besteffort.slice"; empty: rktlet.slice
  std::string unit;   // the pod's unit, when somebody chose it; else derived (unit/unit_names.h)
  std::map<std::string, std::string> sysctls;
  NamespaceMode network = NamespaceMode::kPod;  // kPod or kNode
  NamespaceMode pid = NamespaceMode::kContainer;
  NamespaceMode ipc = NamespaceMode::kPod;
  std::optional<UserNamespace> user_namespace;  // absent: the node's
  std::vector<std::string> networks;            // CNI network names; empty: the default one. {"none"}: loopback only
  std::string runtime_handler;                  // empty: crun
  PodSecurity security;
  std::optional<Resources> overhead;   // recorded and reported, as the kubelet accounts for it
  std::optional<Resources> resources;  // sum over the containers: recorded and reported

  bool operator==(const PodSpec&) const = default;
};

// Reads and checks a document. InvalidArgument names the field that is unknown, missing or wrong.
absl::StatusOr<PodSpec> ParsePodSpec(const std::string& json);
std::string ToJson(const PodSpec& spec);
// The rules that hold whatever the document came from. Every problem, not only the first, in one message.
absl::Status Validate(const PodSpec& spec);

}  // namespace rktlet::spec
