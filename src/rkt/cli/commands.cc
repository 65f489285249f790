// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/commands.h"

namespace rkt::cli {

void RegisterCommands(Registry& registry) {
  RegisterImageFetch(registry);
  RegisterImageList(registry);
  RegisterImageRm(registry);
  RegisterImageGc(registry);
  RegisterImageCatManifest(registry);
  RegisterVersion(registry);
  RegisterNotImplemented(registry);
}

}  // namespace rkt::cli
