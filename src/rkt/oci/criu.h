// SPDX-License-Identifier: Apache-2.0
// CRIU, which the OCI runtime runs: whether the two can save and restore processes here, what CRIU is told besides, and
// what it said.
#pragma once

#include <string>

#include "base/status.h"
#include "rkt/oci/oci_runtime.h"

namespace rkt::oci {

// OK when checkpoints can be made and restored with this runtime; else FailedPrecondition, naming what is missing.
absl::Status CheckCriu(const OciRuntime& runtime);

// The file that the runtime's annotation org.criu.config names. Groups are systemd's and ours, not CRIU's; connections
// do not survive: the other side goes on with the container that was saved.
inline constexpr char kCriuConfigAnnotation[] = "org.criu.config";
absl::Status WriteCriuDumpConfig(const std::string& path, const std::string& freezer_directory);
absl::Status WriteCriuRestoreConfig(const std::string& path);

}  // namespace rkt::oci
