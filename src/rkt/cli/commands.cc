// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/commands.h"

namespace rkt::cli {

void RegisterCommands(Registry& registry) {
  RegisterVersion(registry);
  RegisterNotImplemented(registry);
}

}  // namespace rkt::cli
