// SPDX-License-Identifier: Apache-2.0
// The answer to ListImages in parts: a snapshot, however long.
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

StreamEnd StreamImages(Context& context, engine::Cancellation cancelled, const v1::StreamImagesRequest& request,
                       Sink<v1::StreamImagesResponse>& sink) {
  v1::ListImagesRequest list;
  *list.mutable_filter() = request.filter();
  auto all = co_await ListImages(context, cancelled, list);
  CO_RETURN_IF_ERROR(all.status());
  co_return co_await SendInParts(sink, *all->mutable_images(), &v1::StreamImagesResponse::mutable_images);
}

}  // namespace rktlet::cri
