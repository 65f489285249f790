// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

Reply<v1::VersionResponse> Version(Context&, engine::Cancellation, const v1::VersionRequest&) {
  v1::VersionResponse response;
  response.set_version("0.1.0");  // of the kubelet's runtime API, the same in every runtime
  response.set_runtime_name("rktlet");
  response.set_runtime_version(RKTLET_VERSION);
  response.set_runtime_api_version("v1");
  co_return response;
}

}  // namespace rktlet::cri
