// SPDX-License-Identifier: Apache-2.0
// A pod's network namespace, kept alive by a bind mount so that it outlives every process of the pod: CNI's DEL needs
// it after the supervisor is gone.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"

namespace rkt::pod {

// Makes a network namespace with the loopback interface up, runs `inside` in it, and pins it at `path`. One that is
// pinned there already is OK and left as it is. On an error nothing is left. `owner`: the user namespace that it
// belongs to, -1 the node's.
absl::Status PinNetworkNamespace(const std::string& path, int owner, const std::function<absl::Status()>& inside);

// Whether `path` holds a namespace.
bool IsPinnedNamespace(const std::string& path);

// Takes the pin away, file and mount; absent is OK.
absl::Status UnpinNamespace(const std::string& path);

}  // namespace rkt::pod
