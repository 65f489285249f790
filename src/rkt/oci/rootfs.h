// SPDX-License-Identifier: Apache-2.0
// A container's root file system: an overlay of its image's layers, in the mount namespace of the caller; and the same
// of an image that nobody writes to.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/id_mappings.h"

namespace rkt::oci {

struct OverlayLayers {
  std::string base_path;           // the names are relative to it
  std::vector<std::string> names;  // topmost first
};

// The text of a file with layers, and how it is read back.
std::string LayersText(const OverlayLayers& layers);
absl::StatusOr<OverlayLayers> ReadLayers(const std::string& path);

// Mounts the overlay with `directory`/upper and `directory`/work on `target`, all of it with SELinux' label
// `mount_label` unless that is empty. The working directory of the process is `layers.base_path` afterwards: short
// relative names are what makes 127 layers fit into a page of mount options.
absl::Status MountOverlay(const OverlayLayers& layers, const std::string& directory, const std::string& target,
                          const std::string& mount_label = "");

// Mounts the layers read-only on `target`. Overlayfs wants two directories where nothing is to be written: of an image
// with one layer, `empty_fd`, an empty directory, is the other. The working directory changes as above.
absl::Status MountLayers(const OverlayLayers& layers, int empty_fd, const std::string& target,
                         const std::string& mount_label = "");

// The image store, and where it is attached with its ids mapped while overlays of mapped layers are made; empty: not.
struct LayerStore {
  std::string images;
  std::string mapped;
};

// Attaches the store with its ids mapped by `user_namespace`, and takes it away again; overlays stay.
absl::Status AttachMappedStore(const LayerStore& store, int user_namespace);
absl::Status DetachMappedStore(const LayerStore& store);

// As above, the layers to be taken from where `store` is attached.
absl::StatusOr<OverlayLayers> ReadLayers(const std::string& path, const LayerStore& store);

// Makes the directory `path` of the root at `root` when it is absent, following links inside the root only. What it
// makes is `owner`'s.
absl::Status EnsureDirectoryInRoot(const std::string& root, const std::string& path, const RootIds& owner = {});

}  // namespace rkt::oci
