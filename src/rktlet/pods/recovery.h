// SPDX-License-Identifier: Apache-2.0
// From directories and systemd's units to the store: at the start of the daemon, and again whenever somebody else
// changed something below the engine's directory.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "rktlet/pods/environment.h"
#include "rktlet/pods/exits.h"
#include "rktlet/pods/pod_lifecycle.h"

namespace rktlet::pods {

// What is decided about a pod directory:
//
//   unit        network  records                    →
//   active      up       not stopped                ready
//   active      not up   no container               a start nobody finished: discarded
//   not loaded  any      no exit, no container      a start nobody finished: discarded
//   any         any      stopped, exit, other boot  not ready
//
// and about a container directory:
//
//   exit  started  unit        →
//   yes   any      any         exited as recorded
//   no    yes      loaded      followed; an exit that systemd still knows is recorded
//   no    yes      not loaded  exited, 255
//   no    no       loaded      killed, start error: a gate is never opened late
//   no    no       not loaded  created, or start error when the start left one
class Recovery {
 public:
  Recovery(Environment& environment, Exits& exits, PodLifecycle& pods)
      : env_(environment), exits_(exits), pods_(pods) {}

  enum class Occasion {
    kStart,   // nobody else is at work: what is half done is ended
    kChange,  // somebody may be in the middle of something: that is left alone
  };

  // Brings the store up to date. Fails only when systemd or the directory of all pods cannot be read. One bad pod is
  // logged, kept in problems(), and left alone.
  Awaitable<absl::Status> Run(Occasion occasion);

  // What could not be understood, one sentence each, as of the last run.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  using Units = std::map<std::string, systemd::UnitSummary>;

  Awaitable<absl::StatusOr<Units>> LoadedUnits();
  Awaitable<void> TakePod(spec::PodId id, const Units& units);
  void AdoptPod(spec::PodState state, const systemd::UnitSummary* unit);
  Awaitable<void> RefreshPod(PodPtr pod, const Units& units);
  Awaitable<void> TakeContainers(PodPtr pod, const Units& units);
  Awaitable<void> TakeContainer(PodPtr pod, spec::AppName app, const Units& units);
  Awaitable<void> Decide(ContainerPtr container, std::string start_error, const systemd::UnitSummary* unit);
  Awaitable<void> EndUnstarted(ContainerPtr container);
  void ForgetPods();
  void ForgetContainers(const PodPtr& pod);
  bool NeverFinished(const spec::PodState& state, bool has_containers, const systemd::UnitSummary* unit) const;
  void Report(const std::string& what, const absl::Status& status);
  void ReportStrangers(const Units& units);

  Environment& env_;
  Exits& exits_;
  PodLifecycle& pods_;
  Occasion occasion_ = Occasion::kStart;
  std::vector<std::string> problems_;
  std::vector<std::string> found_;     // problems of the run that is under way
  std::set<std::string> discarded_;    // units that were listed and then ended by this run
  std::vector<ContainerPtr> awaited_;  // systemd knows their exit; it is on its way into the record
};

}  // namespace rktlet::pods
