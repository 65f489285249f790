// SPDX-License-Identifier: Apache-2.0
// `app add`: from a ContainerSpec to a container directory from which the container can be started. No process, no
// mount.
#pragma once

#include <string>

#include "base/status.h"
#include "rkt/oci/security_profiles.h"
#include "spec/layout.h"
#include "spec/records.h"

namespace rkt::oci {

inline constexpr char kUpperDir[] = "upper";
inline constexpr char kWorkDir[] = "work";
// The lower directories of the root's overlay: the directory they are named from in the first line, then the names,
// topmost first. Copied from the image store so that a start needs no lock of it; the store keeps images that
// containers use.
inline constexpr char kLayersFile[] = "layers";

// Makes the container. Whatever can be wrong is found now: NotFound (pod, image, mount source, device), InvalidArgument
// (command, user, capability, profile), FailedPrecondition (the pod does not run or was stopped), AlreadyExists (the
// app), and what rkt::cdi::ResolveDevices says of its CDI devices. On an error nothing is left. What stands for the
// image may be a checkpoint (restore_source.h): an archive, or, with `restore_images`, an image that holds one.
absl::StatusOr<rktlet::spec::ContainerRecord> AddContainer(
    const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod, const rktlet::spec::ContainerSpec& container,
    const SecurityPaths& security_paths, const std::vector<std::string>& cdi_directories, bool restore_images = true);

// Deletes what killed commands left in the pod's apps directory: half-made and half-removed containers. The pod's lock
// must be held.
void SweepApps(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod);

}  // namespace rkt::oci
