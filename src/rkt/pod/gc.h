// SPDX-License-Identifier: Apache-2.0
// `rkt gc`: pods made by hand that ended long enough ago, and what interrupted commands and reboots have left.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/pod/pod_network.h"
#include "spec/layout.h"

namespace rkt::pod {

struct Garbage {
  std::vector<rktlet::spec::PodId> pods;  // may be removed
  std::vector<std::string> paths;         // directories that are no pods
};

// What of the state directories is garbage. Pods of the daemon are its own affair, and a pod with damaged records is
// left to a person.
absl::StatusOr<Garbage> FindGarbage(const rktlet::spec::Layout& layout, std::chrono::nanoseconds grace_period);

// Removes a directory that FindGarbage() named, with the namespaces that may be pinned in it.
absl::Status RemoveGarbagePath(const std::string& path);

}  // namespace rkt::pod
