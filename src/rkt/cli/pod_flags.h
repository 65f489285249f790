// SPDX-License-Identifier: Apache-2.0
// The flags by which `app prepare` and `app sandbox` are told what the pod is, and those about CNI.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cli/context.h"
#include "rkt/cli/flags.h"
#include "rkt/pod/pod_network.h"
#include "spec/layout.h"
#include "spec/pod_spec.h"

namespace rkt::cli {

rktlet::spec::Layout LayoutOf(const Context& context);

// --cni-conf-dir, --cni-bin-dir.
struct CniFlags {
  std::string conf_dir;
  std::vector<std::string> bin_dirs;

  void Define(FlagSet& flags);
  rkt::pod::NetworkOptions Options() const;
};

// --cdi-spec-dir.
class CdiFlags {
 public:
  void Define(FlagSet& flags);
  // Empty: CDI is off.
  std::vector<std::string> directories() const;

 private:
  std::vector<std::string> given_;
};

struct PodFlags {
  std::string config;  // a file, or "-"; excludes all others
  std::string pod_id;
  std::string hostname;
  std::vector<std::string> networks;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::string dns_domain;
  std::vector<std::string> hosts_entries;
  std::vector<std::string> ports;
  std::map<std::string, std::string> annotations;
  std::map<std::string, std::string> user_annotations;
  std::map<std::string, std::string> user_labels;
  std::map<std::string, std::string> sysctls;
  std::string ipc;
  std::string pid;
  std::string private_users;
  std::string cgroup_parent;
  std::string log_directory;
  bool no_overlay = false;
  std::string stage1_name;

  void Define(FlagSet& flags);

  // Whether anything but --pod-id was given.
  bool DescribesPod() const;

  // What --private-users says; nullopt without it.
  absl::StatusOr<std::optional<rktlet::spec::UserNamespace>> UserNamespace() const;

  // The pod as flags or document say. It gets a fresh id when none is given.
  absl::StatusOr<rktlet::spec::PodSpec> ToSpec(const Context& context) const;
};

// Of "name:proto:podPort:hostIP:hostPort"; hostIP may be left out.
absl::StatusOr<rktlet::spec::PortMapping> ParsePort(const std::string& text);

// The text of a document: a file, or stdin for "-".
absl::StatusOr<std::string> ReadDocument(const std::string& path);

}  // namespace rkt::cli
