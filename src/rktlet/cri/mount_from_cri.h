// SPDX-License-Identifier: Apache-2.0
// A volume of a container, from CRI to the container document.
#pragma once

#include <string>

#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "spec/container_spec.h"

namespace rktlet::cri {

// InvalidArgument names the field that is wrong; `where` is the mount's path in the request.
absl::StatusOr<spec::Mount> MountFromCri(const std::string& where, const runtime::v1::Mount& cri);

}  // namespace rktlet::cri
