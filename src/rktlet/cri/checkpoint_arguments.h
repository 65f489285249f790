// SPDX-License-Identifier: Apache-2.0
// What the requests for checkpoints have in common.
#pragma once

#include <google/protobuf/map.h>

#include <string>

#include "base/status.h"

namespace rktlet::cri {

// An absolute path of the node that names a file or a directory.
absl::Status CheckCheckpointPath(const std::string& field, const std::string& path);

// There is no option yet: CRI wants those refused that a runtime does not know.
absl::Status CheckCheckpointOptions(const google::protobuf::Map<std::string, std::string>& options);

}  // namespace rktlet::cri
