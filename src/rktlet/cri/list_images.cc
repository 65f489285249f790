// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/images.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

Reply<v1::ListImagesResponse> ListImages(Context& context, engine::Cancellation, const v1::ListImagesRequest& request) {
  const absl::Status listed = co_await context.images.Load();
  CO_RETURN_IF_ERROR(listed);
  v1::ListImagesResponse response;
  const std::string& wanted = request.filter().image().image();
  if (!wanted.empty()) {
    if (const engine::Image* image = context.images.Find(wanted); image != nullptr) {
      *response.add_images() = ToCri(*image, context.config.pinned_images);
    }
    co_return response;
  }
  for (const engine::Image& image : context.images.images()) {
    *response.add_images() = ToCri(image, context.config.pinned_images);
  }
  co_return response;
}

}  // namespace rktlet::cri
