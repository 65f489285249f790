// SPDX-License-Identifier: Apache-2.0
// One function a subcommand, each defined in the file that is named for it.
#pragma once

#include "rkt/cli/command.h"

namespace rkt::cli {

void RegisterNotImplemented(Registry& registry);
void RegisterVersion(Registry& registry);

}  // namespace rkt::cli
