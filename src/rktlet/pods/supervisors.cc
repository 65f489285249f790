// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/supervisors.h"

#include <string>
#include <vector>

#include "unit/supervisor_client.h"

namespace rktlet::pods {
namespace {

using spec::supervisor::Operation;

Awaitable<absl::StatusOr<uint64_t>> Ask(std::string socket, Operation operation, std::string app,
                                        std::chrono::milliseconds timeout) {
  std::vector<std::string> strings;
  strings.push_back(std::move(app));
  auto reply = co_await unit::AsyncCallSupervisor(socket, operation, 0, strings, timeout);
  if (!reply.ok()) {
    co_return reply.status();
  }
  co_return reply->value;
}

constexpr std::chrono::milliseconds kAnswerTimeout = std::chrono::seconds(5);

}  // namespace

Awaitable<absl::StatusOr<unit::StartResult>> SocketSupervisors::Start(spec::PodRecord pod,
                                                                      spec::ContainerRecord container,
                                                                      unit::UnitOptions options,
                                                                      std::chrono::milliseconds timeout) {
  co_return co_await unit::StartContainer(manager_, programs_, options, cgroups_, pod, container, timeout);
}

Awaitable<absl::StatusOr<bool>> SocketSupervisors::OomSeen(spec::PodId pod, spec::AppName app) {
  const std::string socket = programs_.layout.SupervisorSocket(pod);
  const absl::StatusOr<uint64_t> value = co_await Ask(socket, Operation::kOomSeen, app.str(), kAnswerTimeout);
  if (!value.ok()) {
    co_return value.status();
  }
  co_return *value != 0;
}

Awaitable<absl::Status> SocketSupervisors::ReopenLog(spec::PodId pod, spec::AppName app) {
  const std::string socket = programs_.layout.SupervisorSocket(pod);
  const absl::StatusOr<uint64_t> value = co_await Ask(socket, Operation::kReopenLog, app.str(), kAnswerTimeout);
  co_return value.status();
}

Awaitable<absl::Status> SocketSupervisors::Drain(spec::PodId pod, spec::AppName app) {
  const std::string socket = programs_.layout.SupervisorSocket(pod);
  const absl::StatusOr<uint64_t> value = co_await Ask(socket, Operation::kDrain, app.str(), kAnswerTimeout);
  co_return value.status();
}

}  // namespace rktlet::pods
