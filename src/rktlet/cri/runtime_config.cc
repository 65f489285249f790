// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

Reply<v1::RuntimeConfigResponse> RuntimeConfig(Context&, engine::Cancellation, const v1::RuntimeConfigRequest&) {
  v1::RuntimeConfigResponse response;
  response.mutable_linux()->set_cgroup_driver(v1::SYSTEMD);
  co_return response;
}

}  // namespace rktlet::cri
