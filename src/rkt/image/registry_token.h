// SPDX-License-Identifier: Apache-2.0
// Bearer tokens in a file of credentials (containers-auth.json(5)): `"auths": {"HOST": {"registrytoken": "…"}}`, a key
// of Docker's own format that skopeo does not read.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace rkt::image {

// The token for a registry ("registry.example:5000", "docker.io"); empty when the file has none, or is not one (that is
// skopeo's to say). InvalidArgument for a token that cannot stand in a header.
absl::StatusOr<std::string> FindRegistryToken(std::string_view auth_file, const std::string& registry);

}  // namespace rkt::image
