// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>

#include "rktlet/cri/checkpoint_arguments.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

namespace {

constexpr int64_t kLongestTimeout = int64_t{30} * 24 * 3600;  // seconds

}  // namespace

Reply<v1::CheckpointContainerResponse> CheckpointContainer(Context& context, engine::Cancellation /*cancelled*/,
                                                           const v1::CheckpointContainerRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  CO_RETURN_IF_ERROR(CheckCheckpointPath("location", request.location()));
  if (request.timeout() < 0) {
    co_return WrongField("timeout", "negative");
  }
  const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(request.container_id());
  CO_RETURN_IF_ERROR(container.status());
  std::chrono::nanoseconds timeout = context.config.checkpoint_timeout;
  if (request.timeout() != 0) {
    timeout = std::chrono::seconds(std::min(request.timeout(), kLongestTimeout));
  }
  std::string location = request.location();
  const absl::Status saved = co_await context.pods->CheckpointContainer(*container, std::move(location), timeout);
  CO_RETURN_IF_ERROR(saved);
  co_return v1::CheckpointContainerResponse();
}

}  // namespace rktlet::cri
