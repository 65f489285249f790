// SPDX-License-Identifier: Apache-2.0
// Run, stop, remove a pod, and what happens when its supervisor ends by itself.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "rktlet/pods/container_lifecycle.h"
#include "rktlet/pods/environment.h"
#include "rktlet/pods/pod_starts.h"

namespace rktlet::pods {

class PodLifecycle {
 public:
  PodLifecycle(Environment& environment, ContainerLifecycle& containers)
      : env_(environment), containers_(containers), starts_(environment.clock) {}

  // The pod runs, with its network. A repeat with the same name, namespace, uid and attempt joins the first while that
  // is under way, and afterwards has its id while that pod is ready and was asked for in the same words; otherwise
  // AlreadyExists. On an error nothing of the pod is left, and the message names the culprit.
  Awaitable<absl::StatusOr<spec::PodId>> Run(spec::PodSpec spec);

  // Containers killed, network and unit gone, not ready for ever. Idempotent.
  Awaitable<absl::Status> Stop(PodPtr pod);

  // Stops it when necessary; containers, directory and an implicit, empty slice are gone. Idempotent.
  Awaitable<absl::Status> Remove(PodPtr pod);

  // Records what the kubelet accounts for; nothing is enforced, because the pod's slice is not ours. FailedPrecondition
  // unless the pod is ready.
  Awaitable<absl::Status> Update(PodPtr pod, spec::PodResources update);

  // From now on the end of the pod's unit is noticed.
  void Follow(const PodPtr& pod, systemd::UnitWatcher::Expect expect);

  // The starts under way, and whether that of the same pod (namespace, name, uid, attempt) is.
  const PodStarts& starts() const { return starts_; }
  bool IsStarting(const spec::PodSpec& pod) const { return running_.contains(KeyOf(pod)); }

  // What a start that nobody finished has left: unit, network, directory.
  Awaitable<absl::Status> Discard(spec::PodRecord record);

 private:
  using Key = std::tuple<std::string, std::string, std::string, uint32_t>;
  using RunOperation = Operation<absl::StatusOr<spec::PodId>>;

  static Key KeyOf(const spec::PodSpec& pod) { return {pod.namespace_, pod.name, pod.uid, pod.attempt}; }

  Awaitable<absl::StatusOr<spec::PodId>> DoRun(spec::PodSpec spec, Key key);
  Awaitable<absl::StatusOr<spec::PodId>> MakePod(spec::PodSpec spec);
  Awaitable<absl::Status> StartUnit(spec::PodRecord record, std::shared_ptr<PodStarts::Entry> start);
  Awaitable<absl::StatusOr<spec::NetworkRecord>> StartNetwork(spec::PodRecord record,
                                                              std::shared_ptr<PodStarts::Entry> start);
  Awaitable<absl::Status> DoUpdate(PodPtr pod, spec::PodResources update);
  Awaitable<absl::Status> DoStop(PodPtr pod);
  Awaitable<absl::Status> StopInTurn(PodPtr pod);
  Awaitable<absl::Status> StopContainers(PodPtr pod);
  Awaitable<absl::Status> DoRemove(PodPtr pod);
  Awaitable<absl::Status> RemoveInTurn(PodPtr pod);
  Awaitable<void> RemoveImplicitSlices(std::string slice);
  void OnEvent(const PodPtr& pod, const systemd::UnitEvent& event);
  Awaitable<void> AfterDeath(PodPtr pod);

  Environment& env_;
  ContainerLifecycle& containers_;
  PodStarts starts_;
  std::map<Key, std::shared_ptr<RunOperation>> running_;
  std::shared_ptr<std::multiset<std::string>> slices_of_starting_ = std::make_shared<std::multiset<std::string>>();
};

}  // namespace rktlet::pods
