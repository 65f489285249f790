// SPDX-License-Identifier: Apache-2.0
// A container that goes on from a checkpoint: what stands for its image is an archive's path, or an image that holds a
// checkpoint. What it is of decides over the root, what was asked for over everything else, as far as the two agree.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/checkpoint/archive.h"
#include "rkt/image/store.h"
#include "rkt/oci/runtime_spec.h"

namespace rkt::oci {

// Where a checkpoint is.
struct RestoreSource {
  std::string archive;              // absolute path
  std::vector<std::string> layers;  // or an image's, absolute, topmost first
};

// What `image` names when that is a checkpoint; nullopt for any other image, also one that is not there.
// PermissionDenied for an image unless `images_too`: who makes a checkpoint decides what its processes may do.
absl::StatusOr<std::optional<RestoreSource>> FindRestoreSource(const rkt::image::Store& store, const std::string& image,
                                                               bool images_too);

// Unpacks it into the new container's `directory`, where CRIU's images stay.
absl::StatusOr<rkt::checkpoint::Imported> Import(const RestoreSource& source, const std::string& directory);

// The image in the store that the container's root was made of. NotFound, with its name, when it has to be fetched.
absl::StatusOr<std::string> FindRootImage(const rkt::image::Store& store, const rkt::checkpoint::Metadata& metadata);

// Whether processes of a container like `dumped` can go on in one like `spec`, which gets what only the old one can
// say. InvalidArgument, with a sentence.
absl::Status MatchSpecs(const rkt::checkpoint::DumpedSpec& dumped, RuntimeSpec& spec);

// What it changed in its root goes into `directory`/upper; its log is kept there for the start.
absl::Status ApplyImported(const std::string& directory);

}  // namespace rkt::oci
