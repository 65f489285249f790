// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/model.h"

#include "base/strings.h"

namespace rktlet::pods {

ContainerState Container::State() const {
  if (exit.has_value()) {
    return ContainerState::kExited;
  }
  return started.has_value() ? ContainerState::kRunning : ContainerState::kCreated;
}

std::vector<std::string> Pod::Ips() const {
  if (HostNetwork() || !network.has_value() || network->state != "up") {
    return {};
  }
  return network->ips;
}

std::string ExitReason(const spec::ExitRecord& exit) {
  if (!exit.reason.empty()) {
    return exit.reason;
  }
  if (exit.oom) {
    return "OOMKilled";
  }
  return exit.code == 0 ? "Completed" : "Error";
}

std::string Describe(const spec::PodSpec& pod) { return base::StrCat("pod ", pod.namespace_, "/", pod.name); }

std::string Describe(const Pod& pod) { return Describe(pod.record.spec); }

std::string Describe(const Pod& pod, const Container& container) {
  return base::StrCat("container ", container.record.spec.name, " of ", Describe(pod));
}

}  // namespace rktlet::pods
