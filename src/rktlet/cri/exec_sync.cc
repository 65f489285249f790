// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "rktlet/cri/exec_command.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {
namespace {

absl::StatusOr<engine::ExecRequest> MakeRequest(const Context& context, const v1::ExecSyncRequest& request) {
  RETURN_IF_ERROR(context.directory.Recovered());
  engine::ExecRequest exec;
  ASSIGN_OR_RETURN(exec.command, CommandFromCri(request.cmd()));
  if (request.timeout() < 0) {
    return absl::InvalidArgumentError("timeout is negative");
  }
  ASSIGN_OR_RETURN(const pods::ContainerView view, context.directory.FindContainer(request.container_id()));
  if (!view.running) {
    return absl::FailedPreconditionError(base::StrCat("container ", view.container->spec.id.str(), " is not running"));
  }
  exec.pod = view.pod->spec.id;
  exec.app = view.container->spec.app;
  if (request.timeout() > 0) {
    exec.timeout = std::chrono::seconds(request.timeout());
  }
  exec.output_limit = context.config.max_exec_output;
  return exec;
}

}  // namespace

Reply<v1::ExecSyncResponse> ExecSync(Context& context, engine::Cancellation cancelled,
                                     const v1::ExecSyncRequest& request) {
  auto exec = MakeRequest(context, request);
  CO_RETURN_IF_ERROR(exec.status());
  exec->cancellation = cancelled;  // a caller that has gone wants no output: its command ends
  auto result = co_await context.engine.Exec(*std::move(exec));
  if (!result.ok()) {
    co_return base::Annotate(result.status(), base::StrCat("container ", request.container_id()));
  }
  v1::ExecSyncResponse response;
  response.set_stdout(std::move(result->stdout_data));
  response.set_stderr(std::move(result->stderr_data));
  response.set_exit_code(result->exit_code);
  co_return response;
}

}  // namespace rktlet::cri
