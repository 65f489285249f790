// SPDX-License-Identifier: Apache-2.0
// Writing an image to an OCI archive: the layout of the OCI image specification in a tar file, which skopeo, podman,
// containerd and `rkt fetch oci-archive:FILE` read. Documents and archives are those of the store, byte for byte.
#pragma once

#include <string>

#include "base/status.h"
#include "rkt/image/store.h"

namespace rkt::image {

// Writes to a descriptor, front to back: a file or a pipe. `name`: what the image is called in the archive; empty: not
// at all. DataLoss when something stored is damaged: what was written is of no use then.
absl::Status ExportImage(const Store& store, const std::string& id, const std::string& name, int fd);

}  // namespace rkt::image
