// SPDX-License-Identifier: Apache-2.0
// User namespaces, and other namespaces that belong to one. Both are made by a process that enters nothing afterwards:
// the caller stays root of the node and only holds or joins what was made.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "spec/security.h"

namespace rkt::pod {

// A user namespace with these mappings. It lives as long as the descriptor, or a pin (PinNamespace).
absl::StatusOr<rktlet::base::UniqueFd> MakeUserNamespace(const std::vector<rktlet::spec::IdMapping>& uids,
                                                         const std::vector<rktlet::spec::IdMapping>& gids);

// Makes the pod's user namespace and pins it at `path`. One that is pinned there already is OK and left as it is. On an
// error nothing is left.
absl::Status PinUserNamespace(const std::string& path, const rktlet::spec::UserNamespace& mappings);

// New namespaces of `types` (CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS), in that order, which belong to the user
// namespace `owner`: who is root there rules them, and the node's root does as well.
absl::StatusOr<std::vector<rktlet::base::UniqueFd>> MakeOwnedNamespaces(int owner, const std::vector<int>& types);

}  // namespace rkt::pod
