// SPDX-License-Identifier: Apache-2.0
// What is mounted in a container: the system's file systems, the pod's files, and its volumes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/container_spec.h"
#include "spec/layout.h"
#include "spec/records.h"
#include "unit/cgroup.h"

namespace rkt::oci {

// "/a//b/./c/" → "/a/b/c"; ".." is taken literally up the path, as the destination is inside an unknown tree.
std::string CleanPath(const std::string& path);

// Orders mounts so that none hides another that was made below it; of equal depth the given order stays.
void ParentsFirst(std::vector<RuntimeMount>& mounts);

// Where a kEmpty volume of a pod is.
std::string VolumeDirectory(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                            const std::string& name);

// How the mount that a path is on propagates, from /proc/self/mountinfo.
struct HostMounts {
  // Parses the text of a mountinfo file (proc(5)).
  explicit HostMounts(const std::string& mountinfo);

  struct Mount {
    std::string point;
    bool shared = false;
    bool slave = false;
  };
  // The mount that holds `path` (absolute, without links).
  const Mount* Find(const std::string& path) const;

  std::vector<Mount> mounts;
};

// Where a kBind mount's source really is. NotFound when it is missing.
absl::StatusOr<std::string> ResolveSource(const rktlet::spec::Mount& mount);

struct MountInputs {
  const rktlet::spec::Layout& layout;
  const rktlet::spec::PodSpec& pod;
  const rktlet::spec::ContainerSpec& container;
  const HostMounts& host_mounts;
  bool can_set_attributes = true;  // the kernel has mount_setattr(2)
  rktlet::unit::CgroupVersion cgroup_version = rktlet::unit::CgroupVersion::kV2;
  std::vector<RuntimeMount> declared_volumes = {};  // the image's (declared_volumes.h)
};

struct MountResult {
  std::vector<RuntimeMount> mounts;
  std::string rootfs_propagation;
};

// NotFound when a source is missing; FailedPrecondition when it is on a mount that cannot propagate as asked, or when
// options are asked for that have to hold for mounts below as well and the kernel cannot do that. Every
// bind mount carries an explicit propagation: without one crun 1.8 leaves it shared under a user namespace.
absl::StatusOr<MountResult> BuildMounts(const MountInputs& inputs);

// Makes the kEmpty volumes of the container that are not there yet. `made` lists those that it made, on an error too.
absl::Status MakeEmptyVolumes(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                              const rktlet::spec::ContainerSpec& container, std::vector<std::string>& made);

}  // namespace rkt::oci
