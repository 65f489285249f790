// SPDX-License-Identifier: Apache-2.0
// Looks into an image without mounting it: finds files through its layers as overlayfs would show them (topmost first,
// whiteouts, opaque directories, symbolic links resolved inside the image).
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::oci {

class LayeredRoot {
 public:
  // `layers`: directories, the topmost first, as overlayfs' lowerdir. They stay open.
  static absl::StatusOr<LayeredRoot> Open(const std::vector<std::string>& layers);

  // The content of the regular file at `path`, of at most `limit` bytes. NotFound when there is no such file in the
  // image.
  absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit = size_t{4} << 20) const;

 private:
  std::vector<rktlet::base::UniqueFd> layers_;
};

}  // namespace rkt::oci
