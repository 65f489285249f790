// SPDX-License-Identifier: Apache-2.0
// What the rest of the daemon may see of pods and containers: a narrow, read-only view for statistics, exec, image
// removal and the runtime's conditions. pods::Pods implements it; a fake stands in tests. Loop thread only; answers
// from memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/records.h"

namespace rktlet::pods {

struct ContainerView {
  const spec::PodRecord* pod = nullptr;  // valid until the loop turns again: copy what must outlive a co_await
  const spec::ContainerRecord* container = nullptr;  // the same
  bool running = false;                              // started and not exited
  int64_t started_at = 0;                            // ns since the epoch, 0: never
  pid_t pid = 0;                                     // of its first process while it runs
};

struct PodView {
  const spec::PodRecord* pod = nullptr;  // as in ContainerView
  bool ready = false;
  pid_t supervisor_pid = 0;       // 0: it does not run
  std::string default_interface;  // in the pod; empty with the host's network
  std::vector<ContainerView> containers;
};

class Directory {
 public:
  virtual ~Directory() = default;

  // The container with this id or this unique prefix of an id. NotFound; InvalidArgument for an ambiguous prefix.
  virtual absl::StatusOr<ContainerView> FindContainer(const std::string& id) const = 0;

  // All of them, exited ones too.
  virtual std::vector<ContainerView> AllContainers() const = 0;

  // As FindContainer.
  virtual absl::StatusOr<PodView> FindPod(const std::string& id) const = 0;

  // All of them, those that are not ready too.
  virtual std::vector<PodView> AllPods() const = 0;

  // Unavailable until the state is known: an empty list would say that there are no pods.
  virtual absl::Status Recovered() const = 0;

  // Whether pods can be run now: OK once state is recovered and the bus answers; else why not.
  virtual absl::Status Ready() const = 0;
};

}  // namespace rktlet::pods
