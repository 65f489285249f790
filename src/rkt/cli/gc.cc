// SPDX-License-Identifier: Apache-2.0
// `rkt gc`: takes away pods made by hand that ended a while ago, and leftovers of interrupted commands and of reboots.
#include "rkt/pod/gc.h"

#include <chrono>
#include <optional>

#include "base/strings.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/remove.h"
#include "rkt/pod/units.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

class Gc final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Duration("grace-period", &grace_period_, "Leave pods that ended less than that long ago (default 30m)");
    cni_.Define(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    const auto grace = grace_period_.value_or(std::chrono::minutes(30));
    ASSIGN_OR_RETURN(const rkt::pod::Garbage garbage, rkt::pod::FindGarbage(layout, grace));
    absl::Status first;
    std::vector<std::string> units;
    for (const rktlet::spec::PodId& id : garbage.pods) {
      context.Note(StrCat("removing pod \"", id.str(), "\""));
      for (std::string& unit : rkt::pod::UnitsOfPod(layout, id)) {
        units.push_back(std::move(unit));
      }
      const absl::Status removed = rkt::pod::RemovePod(layout, id, cni_.Options());
      Keep(context, first, absl::IsNotFound(removed) ? absl::OkStatus() : removed);  // others remove as well
    }
    for (const std::string& path : garbage.paths) {
      context.Note(StrCat("removing ", path));
      Keep(context, first, rkt::pod::RemoveGarbagePath(path));
    }
    if (!units.empty()) {
      Keep(context, first,
           RunOnBus([&](rktlet::systemd::Manager& manager) { return rkt::pod::ResetUnits(manager, units); }));
    }
    context.Announce();
    RETURN_IF_ERROR(first);
    return 0;
  }

 private:
  // One that cannot be removed must not keep the others.
  static void Keep(const Context& context, absl::Status& first, const absl::Status& status) {
    if (!status.ok() && !first.ok()) {
      context.Note(std::string(status.message()));
    }
    if (first.ok()) {
      first = status;
    }
  }

  std::optional<std::chrono::nanoseconds> grace_period_;
  CniFlags cni_;
};

}  // namespace

void RegisterGc(Registry& registry) {
  registry.Add<Gc>({.path = "gc", .summary = "Remove what pods and interrupted commands left", .max_args = 0});
}

}  // namespace rkt::cli
