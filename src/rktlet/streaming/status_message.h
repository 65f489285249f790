// SPDX-License-Identifier: Apache-2.0
// How the end of a command is told on the status stream: a metav1.Status as Kubernetes' clients decode it, or the plain
// text of the protocols before version 4.
#pragma once

#include <string>

#include "base/status.h"
#include "rktlet/streaming/remote_command.h"

namespace rktlet::streaming {

// `result`: the exit code, or why there is none. Empty: nothing is to be written.
std::string StatusMessage(const absl::StatusOr<int>& result, StatusForm form);

}  // namespace rktlet::streaming
