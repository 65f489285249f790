// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/service.h"

#include "base/strings.h"

namespace rktlet::cri {

grpc::Status NotServed(const char* rpc) {
  return {grpc::StatusCode::UNIMPLEMENTED, base::StrCat(rpc, " is not served by this version of rktlet")};
}

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* call, const char* rpc) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(NotServed(rpc));
  return reactor;
}

}  // namespace rktlet::cri
