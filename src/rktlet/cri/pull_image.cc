// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/images.h"
#include "rktlet/cri/rpcs.h"
#include "spec/image_reference.h"

namespace rktlet::cri {

Reply<v1::PullImageResponse> PullImage(Context& context, engine::Cancellation, const v1::PullImageRequest& request) {
  const std::string& name = request.image().image();
  if (name.empty()) {
    co_return absl::InvalidArgumentError("image.image is empty");
  }
  const auto reference = spec::ImageReference::Parse(name);
  if (!reference.ok()) {
    co_return base::Annotate(reference.status(), "image.image");
  }
  // The image is the same for each; but who names one that there is not would be deceived by a success.
  CO_RETURN_IF_ERROR(CheckRuntimeHandler("image.runtime_handler", request.image().runtime_handler()));
  auto auth = AuthFile(request.auth(), name);
  CO_RETURN_IF_ERROR(auth.status());
  std::string wanted = reference->Name();
  auto id = co_await context.puller.Pull(std::move(wanted), *std::move(auth));
  CO_RETURN_IF_ERROR(id.status());
  context.disk.Invalidate(context.layout.Images());
  v1::PullImageResponse response;
  response.set_image_ref(*id);
  co_return response;
}

}  // namespace rktlet::cri
