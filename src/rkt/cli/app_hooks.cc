// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/hooks.h"
#include "rkt/oci/start_here.h"

namespace rkt::cli {
namespace {

class AppHooks final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, positionals.args[0], app_));
    const absl::Status status = rkt::oci::RunPoststartHooks(layout, target.pod, target.app);
    if (!status.ok()) {
      rkt::oci::WriteStartError(layout, target.pod, target.app, status);  // for the starter
    }
    RETURN_IF_ERROR(status);
    return 0;
  }

 private:
  std::string app_;
};

}  // namespace

void RegisterAppHooks(Registry& registry) {
  registry.Add<AppHooks>({.path = "app hooks",
                          .arguments = "POD --app=NAME",
                          .summary = "Run the poststart hooks of an app: what their unit does",
                          .min_args = 1,
                          .max_args = 1});
}

}  // namespace rkt::cli
