// SPDX-License-Identifier: Apache-2.0
// What a container changed in its root file system, from the writable part of its overlay to an archive and back.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/checkpoint/tar.h"

namespace rkt::checkpoint {

struct RootDifference {
  std::vector<std::string> changed;  // relative to the writable part, parents before what is in them
  std::vector<std::string> deleted;  // "/etc/motd"
};

// Looks at `upper`. `layers`: the image's, absolute: what is below a directory that replaced one of theirs is deleted.
// Sockets are left out: their owners make them anew.
absl::StatusOr<RootDifference> FindRootDifference(const std::string& upper, const std::vector<std::string>& layers);

// Both into files of `directory` (kRootDifferenceFile, kDeletedFilesFile).
absl::Status WriteRootDifference(const std::string& upper, const RootDifference& difference,
                                 const std::string& directory, Deadline deadline);

// The way back: from files of `directory`, which are absent or from outside, into `upper`, which holds nothing yet.
// DataLoss for what is damaged or refused.
absl::Status ApplyRootDifference(const std::string& directory, const std::string& upper);

}  // namespace rkt::checkpoint
