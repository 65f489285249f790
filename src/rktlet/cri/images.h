// SPDX-License-Identifier: Apache-2.0
// What the RPCs of images share: our images as CRI's, and CRI's credentials as a file that registries' clients read.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "rktlet/engine/engine.h"

namespace rktlet::cri {

namespace v1 = ::runtime::v1;

v1::Image ToCri(const engine::Image& image, const std::vector<std::string>& pinned);

// containers-auth.json(5) for a pull of `reference` with `auth`; "" when it holds no credentials. InvalidArgument for
// what cannot be credentials, Unimplemented for a bearer token, which no registry client takes from a file.
absl::StatusOr<std::string> AuthFile(const v1::AuthConfig& auth, const std::string& reference);

}  // namespace rktlet::cri
