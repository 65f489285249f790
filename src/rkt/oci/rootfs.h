// SPDX-License-Identifier: Apache-2.0
// A container's root file system: an overlay of its image's layers, in the mount namespace of the caller.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::oci {

struct OverlayLayers {
  std::string base_path;           // the names are relative to it
  std::vector<std::string> names;  // topmost first
};

// Reads the file that `app add` wrote (kLayersFile).
absl::StatusOr<OverlayLayers> ReadLayers(const std::string& path);

// Mounts the overlay with `directory`/upper and `directory`/work on `target`. The working directory of the process is
// `layers.base_path` afterwards: short relative names are what makes 127 layers fit into a page of mount options.
absl::Status MountOverlay(const OverlayLayers& layers, const std::string& directory, const std::string& target);

// Makes the directory `path` of the root at `root` when it is absent, following links inside the root only.
absl::Status EnsureDirectoryInRoot(const std::string& root, const std::string& path);

}  // namespace rkt::oci
