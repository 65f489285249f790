// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "rktlet/cri/checkpoint_arguments.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"

namespace rktlet::cri {

Reply<v1::CheckpointPodResponse> CheckpointPod(Context& context, engine::Cancellation /*cancelled*/,
                                               const v1::CheckpointPodRequest& request) {
  CO_RETURN_IF_ERROR(context.pods->Recovered());
  CO_RETURN_IF_ERROR(CheckCheckpointPath("output_path", request.output_path()));
  CO_RETURN_IF_ERROR(CheckCheckpointOptions(request.options()));
  const absl::StatusOr<pods::PodPtr> pod = context.pods->GetPod(request.pod_sandbox_id());
  CO_RETURN_IF_ERROR(pod.status());
  std::vector<pods::ContainerPtr> containers;
  for (const std::string& id : request.container_ids()) {
    const absl::StatusOr<pods::ContainerPtr> container = context.pods->GetContainer(id);
    CO_RETURN_IF_ERROR(container.status());
    if ((*container)->pod != (*pod)->id()) {
      co_return WrongField("container_ids", base::StrCat("container ", id, " is in another pod"));
    }
    if (std::find(containers.begin(), containers.end(), *container) != containers.end()) {
      co_return WrongField("container_ids", base::StrCat("container ", id, " is named twice"));
    }
    containers.push_back(*container);
  }
  std::string path = request.output_path();
  const absl::Status saved = co_await context.pods->CheckpointPod(*pod, std::move(containers), std::move(path),
                                                                  context.config.checkpoint_timeout);
  CO_RETURN_IF_ERROR(saved);
  co_return v1::CheckpointPodResponse();
}

}  // namespace rktlet::cri
