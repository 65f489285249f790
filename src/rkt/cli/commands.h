// SPDX-License-Identifier: Apache-2.0
// One function a subcommand, each defined in the file that is named for it.
#pragma once

#include "rkt/cli/command.h"

namespace rkt::cli {

void RegisterAppAdd(Registry& registry);
void RegisterAppExec(Registry& registry);
void RegisterAttach(Registry& registry);
void RegisterLogs(Registry& registry);
void RegisterAppHooks(Registry& registry);
void RegisterAppList(Registry& registry);
void RegisterAppRm(Registry& registry);
void RegisterAppStart(Registry& registry);
void RegisterAppStatus(Registry& registry);
void RegisterAppUpdate(Registry& registry);
void RegisterAppCheckpoint(Registry& registry);
void RegisterAppStop(Registry& registry);
void RegisterAppNetwork(Registry& registry);
void RegisterAppNetworkStatus(Registry& registry);
void RegisterAppPrepare(Registry& registry);
void RegisterAppSandbox(Registry& registry);
void RegisterCatManifest(Registry& registry);
void RegisterEnter(Registry& registry);
void RegisterFeatures(Registry& registry);
void RegisterGc(Registry& registry);
void RegisterList(Registry& registry);
void RegisterRm(Registry& registry);
void RegisterStatus(Registry& registry);
void RegisterStop(Registry& registry);
void RegisterImageCatManifest(Registry& registry);
void RegisterImageExport(Registry& registry);
void RegisterImageFetch(Registry& registry);
void RegisterImageGc(Registry& registry);
void RegisterImageList(Registry& registry);
void RegisterImageRm(Registry& registry);
void RegisterImageVerify(Registry& registry);
void RegisterRun(Registry& registry);
void RegisterVersion(Registry& registry);

}  // namespace rkt::cli
