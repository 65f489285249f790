// SPDX-License-Identifier: Apache-2.0
// Volumes that are made from images: found and checked when the container is made, mounted when it starts, in the mount
// namespace of its unit.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/image/store.h"
#include "rkt/oci/rootfs.h"
#include "spec/container_spec.h"
#include "spec/layout.h"

namespace rkt::oci {

// The mount with the number `mount` of a container, whose image has been found.
struct ImageVolume {
  size_t mount = 0;
  std::string container_path;
  std::string image_id;
  OverlayLayers layers;
};

// Where a container's image volume is mounted for the OCI runtime to bind it.
std::string ImageVolumeSource(const rktlet::spec::Layout& layout, size_t mount);

// The image volumes among the container's mounts. NotFound when an image is not in the store, or has no such
// sub-directory; InvalidArgument when that is no directory. The store must be locked.
absl::StatusOr<std::vector<ImageVolume>> FindImageVolumes(const rkt::image::Store& store,
                                                          const rktlet::spec::ContainerSpec& container);

// Writes what MountImageVolumes() needs into the container's directory, so that a start takes no lock of the store.
absl::Status WriteImageVolumes(int directory_fd, const std::vector<ImageVolume>& volumes);

// Mounts the container's image volumes, read-only and with SELinux' label `mount_label` unless that is empty, in the
// mount namespace of the caller, below the private mount point, from layers that are in `store`. The working directory
// of the process is another one afterwards.
absl::Status MountImageVolumes(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                               const rktlet::spec::ContainerSpec& container, const LayerStore& store,
                               const std::string& mount_label);

bool HasImageVolumes(const rktlet::spec::ContainerSpec& container);

}  // namespace rkt::oci
