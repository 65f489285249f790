// SPDX-License-Identifier: Apache-2.0
// From a pod, a container and its image to the OCI runtime specification. Each subject has a file of its own (process,
// user, capabilities, namespaces, mounts, devices, security_profiles); this one puts them together.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cdi/resolve.h"
#include "rkt/oci/cdi_edits.h"
#include "rkt/oci/host_facts.h"
#include "rkt/oci/mounts.h"
#include "rkt/oci/namespaces.h"
#include "rkt/oci/process.h"
#include "rkt/oci/runtime_spec.h"
#include "rkt/oci/security_profiles.h"
#include "rkt/oci/user.h"
#include "spec/layout.h"
#include "spec/records.h"

namespace rkt::oci {

struct BuildInputs {
  const rktlet::spec::Layout& layout;
  const rktlet::spec::PodSpec& pod;
  const rktlet::spec::ContainerSpec& container;
  const ImageProcess& image;
  const HostFacts& facts;
  const HostMounts& host_mounts;
  const NamespaceHolders& holders;
  const SecurityPaths& security_paths;
  std::string hostname;  // what the pod is called inside
  FileReader read_image_file;
  std::vector<RuntimeMount> declared_volumes = {};    // the image's (declared_volumes.h)
  std::string selinux_level = {};                     // the pod's
  std::vector<rkt::cdi::DeviceEdits> cdi_edits = {};  // of the container's CDI devices
};

struct BuildResult {
  RuntimeSpec spec;
  std::string stop_signal;
  std::vector<std::string> warnings;
  std::vector<std::string> relabel;  // volumes that get the container's SELinux label: their sources
  std::vector<rktlet::spec::AllowedDevice> device_nodes;  // for the unit: of `devices` and of CDI devices
  CdiChanges cdi;
};

// Everything that can be wrong with what was asked for is found here; nothing is changed.
absl::StatusOr<BuildResult> BuildRuntimeSpec(const BuildInputs& inputs);

}  // namespace rkt::oci
