// SPDX-License-Identifier: Apache-2.0
// What the answer to a verbose status has beside the status: a JSON text for people and tools, under the key "info".
// Where other runtimes have the same thing (pid, config, runtimeSpec, cniResult, imageSpec), it has the same name.
#pragma once

#include <string>

#include "rktlet/engine/engine.h"
#include "rktlet/pods/model.h"
#include "spec/layout.h"

namespace rktlet::cri {

// Pid of the supervisor, unit, slice, control group, the pod document, the networks with what CNI's plugins said.
std::string PodInfoJson(const spec::Layout& layout, const pods::Pod& pod);

// Pid, unit, slice, control group, the container document, and the OCI runtime specification that was made of it, which
// is read from the container's directory.
std::string ContainerInfoJson(const spec::Layout& layout, const pods::Pod* pod, const pods::Container& container);

// Labels, layers, times, and the image's configuration, which other runtimes call imageSpec.
std::string ImageInfoJson(const engine::Image& image, const std::string& config);

}  // namespace rktlet::cri
