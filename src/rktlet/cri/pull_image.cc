// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "base/strings.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/images.h"
#include "rktlet/cri/rpcs.h"
#include "spec/image_reference.h"

namespace rktlet::cri {
namespace {

// The kubelet has reasons of their own for two failures. It knows them by the first word (k8s.io/cri-api/pkg/errors),
// and looks for that only in errors of the code UNKNOWN.
absl::Status ForKubelet(const absl::Status& status) {
  constexpr std::string_view kSignature = "SignatureValidationFailed: ";
  const std::string message(status.message());
  if (absl::IsUnavailable(status)) {
    return absl::UnknownError(base::StrCat("RegistryUnavailable: ", message));
  }
  if (const size_t at = message.find(kSignature); absl::IsPermissionDenied(status) && at != std::string_view::npos) {
    return absl::UnknownError(base::StrCat(kSignature, message.substr(0, at), message.substr(at + kSignature.size())));
  }
  return status;
}

}  // namespace

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
  CO_RETURN_IF_ERROR(ForKubelet(id.status()));
  context.disk.Invalidate(context.layout.Images());
  v1::PullImageResponse response;
  response.set_image_ref(*id);
  co_return response;
}

}  // namespace rktlet::cri
