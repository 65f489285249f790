// SPDX-License-Identifier: Apache-2.0
// Whatever name it is asked by, the image goes with all of its names.
#include <algorithm>

#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {
namespace {

bool Uses(const spec::ContainerRecord& container, const std::string& id) {
  return container.image_id == id ||
         std::any_of(container.image_volumes.begin(), container.image_volumes.end(),
                     [&](const spec::ImageVolumeRecord& volume) { return volume.image_id == id; });
}

absl::Status CheckUnused(const Context& context, const std::string& id) {
  for (const pods::ContainerView& view : context.directory.AllContainers()) {
    if (Uses(*view.container, id)) {
      return absl::FailedPreconditionError(base::StrCat("image ", id, " is in use by container ",
                                                        view.container->spec.id.str(), " (", view.pod->spec.namespace_,
                                                        "/", view.pod->spec.name, "/", view.container->spec.name, ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

Reply<v1::RemoveImageResponse> RemoveImage(Context& context, engine::Cancellation,
                                           const v1::RemoveImageRequest& request) {
  if (request.image().image().empty()) {
    co_return absl::InvalidArgumentError("image.image is empty");
  }
  const absl::Status listed = co_await context.images.Load();
  CO_RETURN_IF_ERROR(listed);
  const engine::Image* image = context.images.Find(request.image().image());
  if (image == nullptr) {
    co_return v1::RemoveImageResponse();
  }
  std::string id = image->id;
  CO_RETURN_IF_ERROR(CheckUnused(context, id));
  std::string argument = id;
  absl::Status removed = co_await context.engine.RemoveImage(std::move(argument));
  absl::Status refreshed = co_await context.images.Refresh();
  CO_RETURN_IF_ERROR(removed);
  CO_RETURN_IF_ERROR(refreshed);
  context.disk.Invalidate(context.layout.Images());
  base::journal::Info("Image removed", {{"IMAGE_ID", id}});
  co_return v1::RemoveImageResponse();
}

}  // namespace rktlet::cri
