// SPDX-License-Identifier: Apache-2.0
// A pod's CNI networks: up, down, and whether there are any. State stands in the pod's network.json, written before the
// first plugin runs, so that whatever is interrupted can be undone.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/status.h"
#include "rkt/net/network_config.h"
#include "spec/layout.h"
#include "spec/records.h"

namespace rkt::pod {

struct NetworkOptions {
  std::string conf_dir = "/etc/cni/net.d";
  std::vector<std::string> bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
};

// Attaches the pod to its networks; up already is OK. On a failure everything is undone, the record says "down", and
// the error names network and plugin. Takes the pod's lock.
absl::StatusOr<rktlet::spec::NetworkRecord> NetworkUp(const rktlet::spec::Layout& layout,
                                                      const rktlet::spec::PodId& pod, const NetworkOptions& options);

// Detaches the pod with the configurations and results that it was attached with; down already is OK, and so is a
// network namespace that is gone. Works for a pod whose document cannot be read. Takes the pod's lock.
absl::Status NetworkDown(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                         const NetworkOptions& options);

// The same for a caller that holds the lock.
absl::Status NetworkDownLocked(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                               const NetworkOptions& options, const rktlet::base::FileLock& lock);

// The networks for a pod that asks for `names` (none: the first by file name). NotFound names the one that is missing.
absl::StatusOr<std::vector<rkt::net::NetworkConfig>> ChooseNetworks(const rkt::net::LoadedNetworks& loaded,
                                                                    const std::vector<std::string>& names,
                                                                    const std::string& conf_dir);

struct NetworkStatus {
  bool ready = false;
  std::string reason;   // one word, when not ready
  std::string message;  // names the file or the plugin
  std::vector<rkt::net::NetworkConfig> networks;
};
absl::StatusOr<NetworkStatus> GetNetworkStatus(const NetworkOptions& options);

}  // namespace rkt::pod
