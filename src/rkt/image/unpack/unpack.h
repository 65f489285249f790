// SPDX-License-Identifier: Apache-2.0
// One layer, from archive to directory: what the program rkt-unpack does.
#pragma once

#include <string>

#include "base/status.h"
#include "rkt/image/unpack_layer.h"

namespace rkt::image {

// See LayerUnpacker.
absl::StatusOr<UnpackResult> UnpackLayer(int archive_fd, int directory_fd, const std::string& diff_id,
                                         const UnpackLimits& limits);

}  // namespace rkt::image
