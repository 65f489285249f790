// SPDX-License-Identifier: Apache-2.0
// What `app start --here` mounts before the OCI runtime does, because ids are mapped: the sources of bind mounts, each
// a copy with its ids mapped and its options set. So it does not matter what the runtime knows of mapped ids: crun 1.8
// neither maps a volume with all that is mounted below it nor minds its options in a user namespace.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "spec/layout.h"
#include "spec/pod_spec.h"

namespace rkt::oci {

class PreparedMounts {
 public:
  // Copies the bind mounts of the specification at `config_path`: all of them in a pod with a user namespace
  // (`user_namespace` not -1), else those with mapped ids. Nothing is attached yet, so no copy holds another.
  static absl::StatusOr<PreparedMounts> Copy(const std::string& config_path, int user_namespace);

  // Attaches the copies below the private mount point, in the mount namespace of the caller, and writes beside them the
  // specification that names them. Returns its path.
  absl::StatusOr<std::string> Attach(const rktlet::spec::Layout& layout);

 private:
  struct Entry {
    size_t index = 0;  // in the specification's mounts
    rktlet::base::UniqueFd mount;
    std::string point;
  };

  absl::Status AttachOne(const std::string& directory, Entry& entry);

  nlohmann::ordered_json config_;
  std::vector<Entry> entries_;
  bool in_user_namespace_ = false;
};

// Mounts what the OCI runtime cannot, or not everywhere, in the user namespace of `pod`: the sysfs of the pod's
// network, which the specification names, and a procfs that the container does not see. The kernel lets a user
// namespace mount a procfs of its own only when its mount namespace has one that nothing is mounted over, which on the
// machine may not be so.
absl::Status MountKernelFilesystems(const rktlet::spec::Layout& layout, const rktlet::spec::PodSpec& pod);

}  // namespace rkt::oci
