// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/grpc_status.h"

#include <string>

namespace rktlet::cri {
namespace {

// The message travels in a header, of which clients take 8 KiB in all, percent-encoded.
constexpr size_t kMaxMessage = 2048;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  std::string message(status.message());
  if (message.size() > kMaxMessage) {
    message = message.substr(0, kMaxMessage / 2) + " … " + message.substr(message.size() - kMaxMessage / 2);
  }
  return {static_cast<grpc::StatusCode>(status.code()), message};
}

}  // namespace rktlet::cri
