// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>

#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

namespace {

constexpr int64_t kLongestGrace = int64_t{10} * 365 * 24 * 3600;  // seconds; a clock can still add it

}  // namespace

// A container that is not there any more is one that has been stopped.
Reply<v1::StopContainerResponse> StopContainer(Context& context, engine::Cancellation /*cancelled*/,
                                               const v1::StopContainerRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  if (request.timeout() < 0) {
    co_return absl::InvalidArgumentError("timeout: negative");
  }
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  if (absl::IsNotFound(container.status())) {
    co_return v1::StopContainerResponse();
  }
  CO_RETURN_IF_ERROR(container.status());
  const std::chrono::seconds grace(std::min(request.timeout(), kLongestGrace));
  const absl::Status stopped = co_await context.pods->StopContainer(*container, grace);
  CO_RETURN_IF_ERROR(stopped);
  co_return v1::StopContainerResponse();
}

}  // namespace rktlet::cri
