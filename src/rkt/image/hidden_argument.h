// SPDX-License-Identifier: Apache-2.0
// Starts a program with an argument that stands in no command line. Anybody may read /proc/PID/cmdline, which is what
// the kernel copied there at exec; a program that takes a secret as an argument only would show it to all.
//
// The program is started with a placeholder instead, and the secret in its environment, which only root may read. It is
// traced (ptrace(2)) until its first instruction: then its argv is made to point to the secret instead of the
// placeholder. From there on it runs by itself.
#pragma once

#include <string>

#include "base/status.h"
#include "base/subprocess.h"

namespace rkt::image {

// What stands among the command's arguments in place of the hidden one.
inline constexpr char kHiddenArgument[] = "--hidden";

// Starts `command`, which may be a program or the wrapper setpriv(1) with one, as base::Spawn does; its argument
// kHiddenArgument reads `argument` for the program. Descriptor 9 of the child is taken.
// FailedPrecondition when the system does not let this process trace its child.
absl::StatusOr<rktlet::base::PidFd> SpawnWithHiddenArgument(rktlet::base::Command command, const std::string& argument);

}  // namespace rkt::image
