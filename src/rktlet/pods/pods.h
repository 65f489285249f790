// SPDX-License-Identifier: Apache-2.0
// All pods and containers of this node: what CRI's calls ask for, in the project's own terms. Owned by main, used on
// the loop thread only. Operations go to their end whoever waits for them; lists and states are answered from memory.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/pods/directory.h"
#include "rktlet/pods/events.h"
#include "rktlet/pods/model.h"
#include "rktlet/pods/pod_starts.h"
#include "rktlet/pods/supervisors.h"
#include "systemd/manager.h"
#include "unit/cgroup.h"
#include "unit/pod_unit.h"

namespace rktlet::pods {

class Pods final : public Directory {
 public:
  // References outlive it; `config` may change in place. Becomes the manager's signal listener.
  Pods(boost::asio::io_context& loop, systemd::Manager& manager, engine::Engine& engine, const config::Config& config,
       unit::Programs programs, unit::Cgroups cgroups, base::Clock& clock);
  // For tests: with a boot id and supervisors of their own.
  Pods(boost::asio::io_context& loop, systemd::Manager& manager, engine::Engine& engine, const config::Config& config,
       unit::Programs programs, unit::Cgroups cgroups, base::Clock& clock, std::unique_ptr<Supervisors> supervisors,
       std::string boot_id);
  ~Pods() override;
  Pods(const Pods&) = delete;
  Pods& operator=(const Pods&) = delete;

  // Reads everything there is, ends what was left half done. Fails only when systemd or the directory of pods cannot be
  // read; may be repeated then.
  Awaitable<absl::Status> Recover();
  // Unavailable until Recover() has succeeded: an empty list would tell the kubelet that all its pods are gone.
  absl::Status Recovered() const override;
  // Somebody else changed something on disk: looks again, soon and once for many calls.
  void Rescan();
  // What on disk or among the units could not be understood, one sentence each.
  std::vector<std::string> Problems() const;
  // The pods whose start is under way.
  std::vector<PodStart> Starts() const;
  // Whether that of a pod with the same namespace, name, uid and attempt is.
  bool IsStarting(const spec::PodSpec& pod) const;
  // Whether any pod's or container's is: what a shutdown of the daemon waits for.
  bool AnyStarting() const;

  // Afterwards the pod runs and has its network. AlreadyExists when its name is taken by another.
  Awaitable<absl::StatusOr<spec::PodId>> RunPod(spec::PodSpec spec);
  // Stop and Remove of a pod or container that is stopped or gone already are OK.
  Awaitable<absl::Status> StopPod(PodPtr pod);
  Awaitable<absl::Status> RemovePod(PodPtr pod);

  // FailedPrecondition unless the pod is ready. Resources that no unit property expresses are refused here already.
  Awaitable<absl::StatusOr<spec::ContainerId>> CreateContainer(PodPtr pod, spec::ContainerSpec spec);
  Awaitable<absl::Status> StartContainer(ContainerPtr container);
  Awaitable<absl::Status> StopContainer(ContainerPtr container, std::chrono::milliseconds grace);
  Awaitable<absl::Status> RemoveContainer(ContainerPtr container);
  // Saves what runs, which goes on: a container into an archive, or containers of a pod (all that run when none is
  // named) as of one moment into a directory. FailedPrecondition where that is not possible.
  Awaitable<absl::Status> CheckpointContainer(ContainerPtr container, std::string output,
                                              std::chrono::nanoseconds timeout);
  Awaitable<absl::Status> CheckpointPod(PodPtr pod, std::vector<ContainerPtr> containers, std::string output,
                                        std::chrono::nanoseconds timeout);
  // Other resources: what `update` leaves out stays. All or nothing; FailedPrecondition once it has ended.
  Awaitable<absl::Status> UpdateContainer(ContainerPtr container, spec::Resources update);
  Awaitable<absl::Status> UpdatePod(PodPtr pod, spec::PodResources update);
  // FailedPrecondition unless it runs.
  Awaitable<absl::Status> ReopenLog(ContainerPtr container);

  // By id or unique prefix of one. NotFound; InvalidArgument when empty or ambiguous.
  absl::StatusOr<PodPtr> GetPod(const std::string& id) const;
  absl::StatusOr<ContainerPtr> GetContainer(const std::string& id) const;
  PodPtr PodOf(const Container& container) const;
  // Newest first.
  std::vector<PodPtr> ListPods() const;
  std::vector<ContainerPtr> ListContainers() const;

  int64_t Now() const;  // ns since the epoch

  // What happens to them. The listener is set before Recover().
  Events& events();

  // Directory.
  absl::StatusOr<ContainerView> FindContainer(const std::string& id) const override;
  std::vector<ContainerView> AllContainers() const override;
  absl::StatusOr<PodView> FindPod(const std::string& id) const override;
  std::vector<PodView> AllPods() const override;
  absl::Status Ready() const override;

 private:
  struct Parts;
  Awaitable<void> RescanSoon();

  std::unique_ptr<Parts> parts_;
};

}  // namespace rktlet::pods
