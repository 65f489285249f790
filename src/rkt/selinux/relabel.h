// SPDX-License-Identifier: Apache-2.0
// Labels of files: set on one, or on a volume and all that is in it.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"

namespace rkt::selinux {

// How the label of a name in a directory is read and set, links themselves; replaced in tests. Get gives empty text for
// a file without a label; Unimplemented from either says that the file system has none.
struct LabelAccess {
  std::function<absl::StatusOr<std::string>(int dir_fd, const std::string& name)> get;
  std::function<absl::Status(int dir_fd, const std::string& name, const std::string& label)> set;
};
LabelAccess KernelLabels();

// InvalidArgument for a directory that the machine needs as it is (/, /etc, /usr, /home, …): no volume may take it away
// from everybody else. `path` is resolved.
absl::Status CheckRelabel(const std::string& path);

enum class Relabelled { kYes, kNoLabelsThere };

// Gives the file or directory `path`, and all in it, the label. No link is followed; what vanishes meanwhile is no
// error. kNoLabelsThere when some of it is on a file system without labels.
absl::StatusOr<Relabelled> Relabel(const std::string& path, const std::string& label,
                                   const LabelAccess& access = KernelLabels());

// The file or directory alone.
absl::Status SetLabel(const std::string& path, const std::string& label, const LabelAccess& access = KernelLabels());

}  // namespace rkt::selinux
