// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/default_sysctls.h"

#include <algorithm>
#include <string>

namespace rktlet::cri {
namespace {

constexpr char kFirstFreePort[] = "net.ipv4.ip_unprivileged_port_start";
constexpr char kPingGroups[] = "net.ipv4.ping_group_range";

void AddUnlessGiven(const char* name, const char* value, spec::PodSpec& pod) {
  std::string with_slashes = name;
  std::replace(with_slashes.begin(), with_slashes.end(), '.', '/');
  if (!pod.sysctls.contains(with_slashes)) {
    pod.sysctls.try_emplace(name, value);
  }
}

}  // namespace

void AddDefaultSysctls(const config::Config& config, spec::PodSpec& pod) {
  if (pod.network != spec::NamespaceMode::kPod) {
    return;
  }
  if (config.unprivileged_ports) {
    AddUnlessGiven(kFirstFreePort, "0", pod);
  }
  if (config.unprivileged_ping) {
    AddUnlessGiven(kPingGroups, "0 2147483647", pod);
  }
}

}  // namespace rktlet::cri
