// SPDX-License-Identifier: Apache-2.0
// For tests: the backend of a streaming server that is wanted for its URLs only.
#pragma once

#include <memory>

#include "rktlet/streaming/backend.h"

namespace rktlet::cri {

class NoStreamBackend final : public streaming::Backend {
 public:
  using Started = streaming::Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>>;

  Started Exec(streaming::ExecRequest /*request*/) override { co_return absl::UnimplementedError("no exec"); }
  Started Attach(streaming::StdioRequest /*request*/) override { co_return absl::UnimplementedError("no attach"); }
  streaming::Awaitable<absl::StatusOr<base::UniqueFd>> Connect(spec::PodId /*pod*/, uint16_t /*port*/) override {
    co_return absl::UnimplementedError("no sockets");
  }
};

}  // namespace rktlet::cri
