// SPDX-License-Identifier: Apache-2.0
// Completions of the rkt command line for three shells, made of the table of commands: subcommands, flags, the values
// that a flag can have, and the ids and names of pods, apps and images, which the shell asks `rkt` for.
#pragma once

#include <string>

#include "rkt/cli/command.h"

namespace rkt::cli {

std::string BashCompletion(const Registry& registry);
std::string ZshCompletion(const Registry& registry);
std::string FishCompletion(const Registry& registry);

}  // namespace rkt::cli
