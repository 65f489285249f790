// SPDX-License-Identifier: Apache-2.0
// One function a subcommand, each defined in the file that is named for it.
#pragma once

#include "rkt/cli/command.h"

namespace rkt::cli {

void RegisterImageCatManifest(Registry& registry);
void RegisterImageFetch(Registry& registry);
void RegisterImageGc(Registry& registry);
void RegisterImageList(Registry& registry);
void RegisterImageRm(Registry& registry);
void RegisterNotImplemented(Registry& registry);
void RegisterVersion(Registry& registry);

}  // namespace rkt::cli
