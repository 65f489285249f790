// SPDX-License-Identifier: Apache-2.0
// What pods' and containers' units are called, and the slice they stand in.
#pragma once

#include <string>

#include "base/status.h"
#include "spec/container_spec.h"
#include "spec/pod_spec.h"
#include "systemd/unit_name.h"

namespace rktlet::unit {

inline constexpr char kDefaultSlice[] = "rktlet.slice";

// k8s-<namespace>-<pod>-<short id>.service for rktlet's pods, rkt-<name>-<short id>.service for others. At most 255
// bytes: long names are cut, the short id keeps it unique. `spec.unit` wins.
systemd::UnitName PodUnitName(const spec::PodSpec& pod);

// k8s-<namespace>-<pod>-<container>-<short id>.service, rkt-<pod>-<app>-<short id>.service by hand.
systemd::UnitName ContainerUnitName(const spec::PodSpec& pod, const spec::ContainerSpec& container);

// The slice for CRI's cgroup_parent: its last component, which must be a slice ("/kubepods.slice/kubepods-x.slice" →
// "kubepods-x.slice"); "" → rktlet.slice. InvalidArgument with a sentence about the cgroup driver otherwise.
absl::StatusOr<std::string> SliceOfCgroupParent(const std::string& cgroup_parent);

// The slice of a pod's units.
std::string PodSlice(const spec::PodSpec& pod);

}  // namespace rktlet::unit
