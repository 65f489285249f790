// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace rkt::image {

// For rkt-unpack in the place of a digest: whatever the archive's content is.
inline constexpr char kAnyDigest[] = "-";

}  // namespace rkt::image
