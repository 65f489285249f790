// SPDX-License-Identifier: Apache-2.0
// What the OCI runtimes here can do for pods, found by trying it. What does not depend on the machine is not asked.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::oci {

struct HandlerFeatures {
  std::string name;
  absl::Status user_namespaces;  // OK, or why not
};

// Of each handler whose program is installed. A user namespace counts only where every volume that Kubernetes gives a
// pod can have its ids mapped, a tmpfs too: secrets and service accounts' tokens are on one.
std::vector<HandlerFeatures> ProbeFeatures(const rktlet::spec::Layout& layout);

}  // namespace rkt::oci
