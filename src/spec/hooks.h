// SPDX-License-Identifier: Apache-2.0
// A program of the node's that runs at one step of a container's life (OCI runtime specification, "POSIX-platform
// Hooks").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rktlet::spec {

struct Hook {
  std::string path;                // absolute
  std::vector<std::string> args;   // with argv[0]; empty: the path alone
  std::vector<std::string> env;    // "K=V"; empty: PATH only
  std::optional<int32_t> timeout;  // seconds, above 0
  bool operator==(const Hook&) const = default;
};

// A device node that a container's unit lets it use.
struct AllowedDevice {
  std::string path;         // of the node's own device node, or /dev/char/MAJOR:MINOR where it has none
  std::string permissions;  // of "r", "w", "m"
  bool operator==(const AllowedDevice&) const = default;
};

}  // namespace rktlet::spec
