// SPDX-License-Identifier: Apache-2.0
// Sysctls that a pod gets unless it asks for other values.
#pragma once

#include "rktlet/config/config.h"
#include "spec/pod_spec.h"

namespace rktlet::cri {

// Of pods with a network namespace of their own: low ports and ping for processes without privileges, as the
// configuration has it. Nobody else can be harmed by them there.
void AddDefaultSysctls(const config::Config& config, spec::PodSpec& pod);

}  // namespace rktlet::cri
