// SPDX-License-Identifier: Apache-2.0
// The pod's hostname, /etc/hosts, /etc/resolv.conf and /etc/hostname: files in the pod directory that its containers
// see.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "spec/pod_spec.h"

namespace rkt::pod {

// The pod's host name: what was asked for; the machine's with host network; "rkt-<id>" otherwise.
std::string HostnameOf(const rktlet::spec::PodSpec& pod);

// `ips` are the pod's addresses, once known. With host network the machine's own file comes first.
std::string HostsText(const rktlet::spec::PodSpec& pod, const std::vector<std::string>& ips);

// From the pod's DNS configuration; without one the machine's own.
std::string ResolvConfText(const rktlet::spec::PodSpec& pod);

// Writes all three into `pod_directory`.
absl::Status WriteEtcFiles(const std::string& pod_directory, const rktlet::spec::PodSpec& pod);

// Puts the addresses into the hosts file, in place: running containers see the file by its inode.
absl::Status RewriteHosts(const std::string& pod_directory, const rktlet::spec::PodSpec& pod,
                          const std::vector<std::string>& ips);

}  // namespace rkt::pod
