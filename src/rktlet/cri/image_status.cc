// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "rktlet/cri/images.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

Reply<v1::ImageStatusResponse> ImageStatus(Context& context, engine::Cancellation,
                                           const v1::ImageStatusRequest& request) {
  if (request.image().image().empty()) {
    co_return absl::InvalidArgumentError("image.image is empty");
  }
  v1::ImageStatusResponse response;
  const engine::Image* image = context.images.Find(request.image().image());
  if (image == nullptr) {
    co_return response;  // absent is an answer, not an error
  }
  *response.mutable_image() = ToCri(*image, context.config.pinned_images);
  if (request.verbose()) {
    const nlohmann::json info = {{"labels", image->labels},
                                 {"layers", image->layers},
                                 {"user", image->user},
                                 {"importTime", image->import_time},
                                 {"lastUsedTime", image->last_used_time}};
    (*response.mutable_info())["info"] = info.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  co_return response;
}

}  // namespace rktlet::cri
