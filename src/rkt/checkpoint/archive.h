// SPDX-License-Identifier: Apache-2.0
// A checkpoint's archive as a whole: from a directory to a file, and from a file or an image to a directory. What comes
// in is unpacked by rkt-unpack within its limits and may hold directories and plain files only.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/checkpoint/metadata.h"
#include "rkt/checkpoint/tar.h"

namespace rkt::checkpoint {

// Writes everything in `directory` to `output`, mode 0600, which is there when it is complete or not at all; a file of
// that name is replaced. NotFound when its directory is not there.
absl::Status WriteArchive(const std::string& directory, const std::string& output, Deadline deadline);

// Unpacks the archive at `path` into the empty `directory`.
absl::Status UnpackArchive(const std::string& path, const std::string& directory);

// The same from the unpacked layers of an image, absolute, topmost first: the first that has a checkpoint.
absl::Status CopyFromLayers(const std::vector<std::string>& layers, const std::string& directory);

// Whether an image's manifest says that it holds a checkpoint.
bool IsCheckpointImage(const std::string& manifest);

// What an unpacked checkpoint is of. DataLoss when parts of it are missing or damaged.
struct Imported {
  Metadata metadata;
  DumpedSpec spec;
};
absl::StatusOr<Imported> ReadImported(const std::string& directory);

}  // namespace rkt::checkpoint
