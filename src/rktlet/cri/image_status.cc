// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/images.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/verbose_info.h"

namespace rktlet::cri {

Reply<v1::ImageStatusResponse> ImageStatus(Context& context, engine::Cancellation,
                                           const v1::ImageStatusRequest& request) {
  if (request.image().image().empty()) {
    co_return absl::InvalidArgumentError("image.image is empty");
  }
  const absl::Status listed = co_await context.images.Load();
  CO_RETURN_IF_ERROR(listed);
  v1::ImageStatusResponse response;
  const engine::Image* found = context.images.Find(request.image().image());
  if (found == nullptr) {
    co_return response;  // absent is an answer, not an error
  }
  const engine::Image image = *found;  // the list may change while the configuration is read
  if (request.verbose()) {
    const auto config = co_await context.engine.ImageConfig(image.id);
    if (absl::IsNotFound(config.status())) {
      co_return response;
    }
    CO_RETURN_IF_ERROR(config.status());
    (*response.mutable_info())["info"] = ImageInfoJson(image, *config);
  }
  *response.mutable_image() = ToCri(image, context.config.pinned_images);
  co_return response;
}

}  // namespace rktlet::cri
