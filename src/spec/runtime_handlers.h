// SPDX-License-Identifier: Apache-2.0
// The OCI runtimes that a pod may choose (runtime_handler): their names, programs, and where each keeps its state.
#pragma once

#include <array>
#include <string>

#include "base/status.h"
#include "spec/layout.h"

namespace rktlet::spec {

inline constexpr char kCrun[] = "crun";
inline constexpr char kRunc[] = "runc";
inline constexpr std::array<const char*, 2> kRuntimeHandlers = {kCrun, kRunc};

// The handler's name: "" is the default's. InvalidArgument for one that is unknown.
absl::StatusOr<std::string> RuntimeHandlerName(const std::string& handler);

// Path of the handler's program: $RKT_CRUN or $RKT_RUNC, else in the system's directories. NotFound with a sentence
// when it is not installed.
absl::StatusOr<std::string> FindRuntimeProgram(const std::string& handler);

// The runtime's --root; a container's gate in it; the name of its log in the container directory. `handler` as the
// pod's document has it.
std::string RuntimeRoot(const Layout& layout, const std::string& handler);
std::string RuntimeGate(const Layout& layout, const std::string& handler, const ContainerId& id);
std::string RuntimeLogFile(const std::string& handler);

// Whether the container's first process waits to write to its gate, as runc's does, not to read from it.
bool WritesToGate(const std::string& handler);

// Whether it can start containers of a pod with a user namespace. runc 1.1, as in Debian 12, opens the
// sources of bind mounts in a way of its own there and knows nothing of mounts with mapped ids.
bool KnowsUserNamespaces(const std::string& handler);

// Removes what any runtime keeps of a container in its root.
absl::Status RemoveRuntimeRoots(const Layout& layout, const ContainerId& id);

}  // namespace rktlet::spec
