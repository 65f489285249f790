// SPDX-License-Identifier: Apache-2.0
// The one conversion between our errors and gRPC's: the codes are the same.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace rktlet::cri {

grpc::Status ToGrpc(const absl::Status& status);

}  // namespace rktlet::cri
