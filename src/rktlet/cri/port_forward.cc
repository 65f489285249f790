// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "base/strings.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/streaming/server.h"

namespace rktlet::cri {
namespace {

// The list is kept until the client comes, and with each connection that it forwards.
constexpr int kMaxPorts = 1024;

absl::StatusOr<std::string> UrlFor(const Context& context, const v1::PortForwardRequest& request) {
  RETURN_IF_ERROR(context.directory.Recovered());
  ASSIGN_OR_RETURN(const pods::PodView view, context.directory.FindPod(request.pod_sandbox_id()));
  const spec::PodId& pod = view.pod->spec.id;
  if (!view.ready) {
    return absl::FailedPreconditionError(base::StrCat("pod ", pod.str(), " is not ready"));
  }
  if (request.port_size() > kMaxPorts) {
    return absl::InvalidArgumentError(base::StrCat("port: ", request.port_size(), " of them, more than ", kMaxPorts));
  }
  streaming::PortForwardRequest forward{pod, {}};
  for (const int32_t port : request.port()) {
    if (port <= 0 || port > UINT16_MAX) {
      return absl::InvalidArgumentError(base::StrCat("port ", port, " is not between 1 and 65535"));
    }
    forward.ports.push_back(static_cast<uint16_t>(port));
  }
  return context.streams->UrlFor(std::move(forward));
}

}  // namespace

Reply<v1::PortForwardResponse> PortForward(Context& context, engine::Cancellation /*cancelled*/,
                                           const v1::PortForwardRequest& request) {
  auto url = UrlFor(context, request);
  CO_RETURN_IF_ERROR(url.status());
  v1::PortForwardResponse response;
  response.set_url(*std::move(url));
  co_return response;
}

}  // namespace rktlet::cri
