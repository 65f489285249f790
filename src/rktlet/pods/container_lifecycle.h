// SPDX-License-Identifier: Apache-2.0
// Create, start, stop, remove a container. What is begun goes to its end or rolls back, whoever waits.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "rktlet/pods/environment.h"
#include "rktlet/pods/exits.h"

namespace rktlet::pods {

class ContainerLifecycle {
 public:
  ContainerLifecycle(Environment& environment, Exits& exits) : env_(environment), exits_(exits) {}

  // A repeat with the same name and attempt joins the first while that is under way, and afterwards has its id when it
  // asked for the same; otherwise AlreadyExists.
  Awaitable<absl::StatusOr<spec::ContainerId>> Create(PodPtr pod, spec::ContainerSpec spec);

  // FailedPrecondition unless it was created and never started, in a ready pod. A failed start ends the container.
  Awaitable<absl::Status> Start(ContainerPtr container);

  // Gives it what `update` asks for beside what it has: live when it runs, at its start when it was only created.
  // FailedPrecondition once it has ended. On an error it has what it had.
  Awaitable<absl::Status> Update(ContainerPtr container, spec::Resources update);

  // Saves a container into an archive, or containers of a pod as of one moment into a directory; they go on running.
  // FailedPrecondition unless they run.
  Awaitable<absl::Status> Checkpoint(ContainerPtr container, std::string output, std::chrono::nanoseconds timeout);
  Awaitable<absl::Status> CheckpointPod(PodPtr pod, std::vector<ContainerPtr> containers, std::string output,
                                        std::chrono::nanoseconds timeout);

  // OK when the container does not run (any more). Its stop signal, then after `grace` SIGKILL to all of it; of several
  // stops the one that is impatient first decides.
  Awaitable<absl::Status> Stop(ContainerPtr container, std::chrono::milliseconds grace);

  // Kills it when it runs. Idempotent.
  Awaitable<absl::Status> Remove(ContainerPtr container);

  // For the removal of the pod, which has the pod's exclusive turn and takes the container's files along: nothing of it
  // runs afterwards, and its unit is gone.
  Awaitable<absl::Status> RemoveUnit(ContainerPtr container);

 private:
  using Key = std::tuple<spec::PodId, std::string, uint32_t>;
  using CreateOperation = Operation<absl::StatusOr<spec::ContainerId>>;

  Awaitable<absl::Status> RemoveInTurn(ContainerPtr container);
  Awaitable<absl::Status> RemoveUnitInTurn(ContainerPtr container);

  Awaitable<absl::StatusOr<spec::ContainerId>> DoCreate(PodPtr pod, spec::ContainerSpec spec, Key key);
  Awaitable<absl::StatusOr<spec::ContainerId>> AddToPod(PodPtr pod, spec::ContainerSpec spec);
  Awaitable<absl::Status> DoStart(ContainerPtr container);
  Awaitable<absl::Status> StartInTurn(PodPtr pod, ContainerPtr container);
  Awaitable<absl::Status> DoUpdate(ContainerPtr container, spec::Resources update);
  Awaitable<absl::Status> UpdateInTurn(PodPtr pod, ContainerPtr container, spec::Resources update);
  Awaitable<absl::Status> DoCheckpoint(ContainerPtr container, std::string output, std::chrono::nanoseconds timeout);
  Awaitable<absl::Status> DoCheckpointPod(PodPtr pod, std::vector<ContainerPtr> containers, std::string output,
                                          std::chrono::nanoseconds timeout);
  Awaitable<absl::Status> DoStop(ContainerPtr container, std::chrono::milliseconds grace);
  Awaitable<absl::Status> Kill(ContainerPtr container);
  Awaitable<absl::Status> DoRemove(ContainerPtr container);

  Environment& env_;
  Exits& exits_;
  std::map<Key, std::shared_ptr<CreateOperation>> creating_;
};

}  // namespace rktlet::pods
