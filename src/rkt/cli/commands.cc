// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/commands.h"

namespace rkt::cli {

void RegisterCommands(Registry& registry) {
  RegisterRun(registry);
  RegisterAppPrepare(registry);
  RegisterAppNetwork(registry);
  RegisterAppNetworkStatus(registry);
  RegisterAppSandbox(registry);
  RegisterAppAdd(registry);
  RegisterAppStart(registry);
  RegisterAppHooks(registry);
  RegisterAppUpdate(registry);
  RegisterAppCheckpoint(registry);
  RegisterAppStop(registry);
  RegisterAppRm(registry);
  RegisterAppList(registry);
  RegisterAppStatus(registry);
  RegisterAppExec(registry);
  RegisterEnter(registry);
  RegisterAttach(registry);
  RegisterLogs(registry);
  RegisterList(registry);
  RegisterStatus(registry);
  RegisterCatManifest(registry);
  RegisterStop(registry);
  RegisterRm(registry);
  RegisterGc(registry);
  RegisterImageFetch(registry);
  RegisterImageList(registry);
  RegisterImageRm(registry);
  RegisterImageGc(registry);
  RegisterImageCatManifest(registry);
  RegisterImageExport(registry);
  RegisterImageVerify(registry);
  RegisterFeatures(registry);
  RegisterVersion(registry);
}

}  // namespace rkt::cli
