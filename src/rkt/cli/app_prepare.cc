// SPDX-License-Identifier: Apache-2.0
// `rkt app prepare`: a pod's directory and pinned namespaces, before its unit.
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/prepare.h"

namespace rkt::cli {
namespace {

class AppPrepare final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { pod_.Define(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    ASSIGN_OR_RETURN(const rktlet::spec::PodSpec spec, pod_.ToSpec(context));
    ASSIGN_OR_RETURN(const auto record, rkt::pod::PreparePod(LayoutOf(context), spec));
    context.out() += record.spec.id.str() + "\n";
    context.Announce();
    return 0;
  }

 private:
  PodFlags pod_;
};

}  // namespace

void RegisterAppPrepare(Registry& registry) {
  registry.Add<AppPrepare>(
      {.path = "app prepare", .summary = "Make a pod's directory and namespaces, and print its id", .max_args = 0});
}

}  // namespace rkt::cli
