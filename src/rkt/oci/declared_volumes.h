// SPDX-License-Identifier: Apache-2.0
// Volumes that an image declares: directories of the container's own, with what the image has there, writable where the
// root is not, and gone with the container.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/layered_root.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/container_spec.h"

namespace rkt::oci {

// Where the container gets volumes because its image says so: clean paths, parents first, without those that a mount of
// the container covers, and without places of the system's own file systems (/proc, /sys, /dev) and files. The mounts
// are bind mounts from the directories that MakeDeclaredVolumes() makes in `directory`, the container's.
// InvalidArgument when the image declares its root, or more than an image has reason to.
absl::StatusOr<std::vector<RuntimeMount>> DeclaredVolumes(const std::vector<std::string>& declared,
                                                          const std::vector<rktlet::spec::Mount>& mounts,
                                                          const std::string& directory);

// Makes the directories in the container's, which is `directory_fd`, and copies what the image has at each place.
// InvalidArgument when that is no directory.
absl::Status MakeDeclaredVolumes(int directory_fd, const std::vector<RuntimeMount>& volumes, const LayeredRoot& image);

inline constexpr char kDeclaredVolumesDir[] = "volumes";

}  // namespace rkt::oci
