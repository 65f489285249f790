// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/exec_command.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/cri/stream_targets.h"
#include "rktlet/streaming/server.h"

namespace rktlet::cri {
namespace {

absl::StatusOr<std::string> UrlFor(const Context& context, const v1::ExecRequest& request) {
  RETURN_IF_ERROR(context.directory.Recovered());
  ASSIGN_OR_RETURN(std::vector<std::string> command, CommandFromCri(request.cmd()));
  ASSIGN_OR_RETURN(const pods::ContainerView view, context.directory.FindContainer(request.container_id()));
  const StreamFlags flags{request.tty(), request.stdin(), request.stdout(), request.stderr()};
  ASSIGN_OR_RETURN(streaming::StdioRequest stdio, StdioOf(view, flags));
  streaming::ExecRequest exec{std::move(stdio), std::move(command)};
  return context.streams->UrlFor(std::move(exec));
}

}  // namespace

Reply<v1::ExecResponse> Exec(Context& context, engine::Cancellation /*cancelled*/, const v1::ExecRequest& request) {
  auto url = UrlFor(context, request);
  CO_RETURN_IF_ERROR(url.status());
  v1::ExecResponse response;
  response.set_url(*std::move(url));
  co_return response;
}

}  // namespace rktlet::cri
