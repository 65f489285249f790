// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/stream_targets.h"
#include "rktlet/streaming/server.h"

namespace rktlet::cri {
namespace {

absl::StatusOr<std::string> UrlFor(const Context& context, const v1::AttachRequest& request) {
  RETURN_IF_ERROR(context.directory.Recovered());
  ASSIGN_OR_RETURN(const pods::ContainerView view, context.directory.FindContainer(request.container_id()));
  const StreamFlags flags{request.tty(), request.stdin(), request.stdout(), request.stderr()};
  ASSIGN_OR_RETURN(streaming::StdioRequest stdio, StdioOf(view, flags));
  if (request.tty() != view.container->spec.tty) {
    return absl::InvalidArgumentError(base::StrCat(
        "container ", view.container->spec.id.str(),
        view.container->spec.tty ? " has a terminal: attach with tty" : " has no terminal: attach without tty"));
  }
  return context.streams->UrlFor(streaming::AttachRequest{std::move(stdio)});
}

}  // namespace

Reply<v1::AttachResponse> Attach(Context& context, engine::Cancellation /*cancelled*/,
                                 const v1::AttachRequest& request) {
  auto url = UrlFor(context, request);
  CO_RETURN_IF_ERROR(url.status());
  v1::AttachResponse response;
  response.set_url(*std::move(url));
  co_return response;
}

}  // namespace rktlet::cri
