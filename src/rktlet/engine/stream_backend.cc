// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/stream_backend.h"

#include "rktlet/engine/attach_stream.h"
#include "rktlet/engine/exec_stream.h"
#include "rktlet/engine/pod_socket.h"

namespace rktlet::engine {

using streaming::Awaitable;

Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> StreamBackend::Exec(streaming::ExecRequest request) {
  return StartExecStream(rkt_, helper_, layout_, std::move(request));
}

Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> StreamBackend::Attach(streaming::StdioRequest request) {
  return AttachStream(layout_, std::move(request));
}

Awaitable<absl::StatusOr<base::UniqueFd>> StreamBackend::Connect(spec::PodId pod, uint16_t port) {
  return ConnectInPod(layout_, std::move(pod), port);
}

}  // namespace rktlet::engine
