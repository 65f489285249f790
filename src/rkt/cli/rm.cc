// SPDX-License-Identifier: Apache-2.0
// `rkt rm POD…`: takes away pods that have ended.
#include "base/strings.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/each_argument.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/remove.h"
#include "rkt/pod/units.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

class Rm final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { cni_.Define(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    RETURN_IF_ERROR(
        ForEachArgument(context, positionals, [&](const std::string& pod) { return RemoveOne(context, pod); }));
    return 0;
  }

 private:
  absl::Status RemoveOne(Context& context, const std::string& text) {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const auto id, rkt::pod::FindPod(layout, text));
    const std::vector<std::string> units = rkt::pod::UnitsOfPod(layout, id);
    RETURN_IF_ERROR(rkt::pod::RemovePod(layout, id, cni_.Options()));
    // A caller that need not be told has the units in its own hands.
    if (context.flags().announce) {
      const absl::Status reset =
          RunOnBus([&](rktlet::systemd::Manager& manager) { return rkt::pod::ResetUnits(manager, units); });
      RETURN_IF_ERROR(rktlet::base::Annotate(reset, StrCat("the units of pod ", id.str(), " may be left as failed")));
    }
    context.out() += StrCat("\"", id.str(), "\"\n");
    context.Announce();
    return absl::OkStatus();
  }

  CniFlags cni_;
};

}  // namespace

void RegisterRm(Registry& registry) {
  registry.Add<Rm>({.path = "rm", .arguments = "POD…", .summary = "Remove pods that have ended", .min_args = 1});
}

}  // namespace rkt::cli
