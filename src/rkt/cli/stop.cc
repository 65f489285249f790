// SPDX-License-Identifier: Apache-2.0
// `rkt stop POD…`: ends pods, and waits until they have ended.
#include "base/strings.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/each_argument.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/units.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

class Stop final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("force", &force_, "Kill the pod's processes instead of asking them to end");
    cni_.Define(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    RETURN_IF_ERROR(
        ForEachArgument(context, positionals, [&](const std::string& pod) { return StopOne(context, pod); }));
    return 0;
  }

 private:
  absl::Status StopOne(Context& context, const std::string& text) {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const auto id, rkt::pod::FindPod(layout, text));
    ASSIGN_OR_RETURN(const rkt::pod::PodView view, rkt::pod::ObservePod(layout, id));
    RETURN_IF_ERROR(rkt::pod::MarkStopped(layout, id));
    // The supervisor of a pod whose record is damaged is stopped like any other. One that does not run may have units
    // that are on their way up, or down.
    const bool running = view.state == "running" || (!view.problem.ok() && rkt::pod::PodRuns(layout, id));
    RETURN_IF_ERROR(RunOnBus(
        [&](rktlet::systemd::Manager& manager) { return rkt::pod::StopPodUnits(manager, layout, id, force_); }));
    if (running) {
      context.out() += StrCat("\"", id.str(), "\"\n");
    } else {
      context.Note(StrCat("pod \"", id.str(), "\" is already stopped"));
    }
    context.Announce();
    return rkt::pod::NetworkDown(layout, id, cni_.Options());
  }

  bool force_ = false;
  CniFlags cni_;
};

}  // namespace

void RegisterStop(Registry& registry) {
  registry.Add<Stop>({.path = "stop", .arguments = "POD…", .summary = "Stop pods", .min_args = 1});
}

}  // namespace rkt::cli
