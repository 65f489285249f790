// SPDX-License-Identifier: Apache-2.0
// Copies a directory of an image, as its layers together show it, with owners, modes, times, attributes and hard links.
#pragma once

#include "base/status.h"
#include "rkt/oci/layered_root.h"

namespace rkt::oci {

// Copies what is in `source`, and the directory's own owner, mode, times and attributes, into `target`, an empty
// directory. Attributes of overlayfs and labels of SELinux are left out: they belong to the place, not to the file.
absl::Status CopyTree(const MergedDirectory& source, int target);

}  // namespace rkt::oci
