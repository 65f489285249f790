// SPDX-License-Identifier: Apache-2.0
// The parts of rkt(1) that the table of commands knows, as roff.
#pragma once

#include <string>

#include "rkt/cli/command.h"

namespace rkt::cli {

// The global flags, a paragraph each.
std::string ManualGlobalFlags();
// A section for pods, apps, images and the rest, with every command and every flag.
std::string ManualCommands(const Registry& registry);

}  // namespace rkt::cli
