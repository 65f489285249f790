// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
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
    flags.String("stage", "poststart|poststop", &stage_, "Which hooks");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    if (stage_ != "poststart" && stage_ != "poststop") {
      return UsageError("--stage must be poststart or poststop");
    }
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, positionals.args[0], app_));
    const bool poststart = stage_ == "poststart";
    const absl::Status status = rkt::oci::RunHooks(
        layout, target.pod, target.app, poststart ? rkt::oci::HookStep::kPoststart : rkt::oci::HookStep::kPoststop);
    if (!status.ok() && poststart) {
      rkt::oci::WriteStartError(layout, target.pod, target.app, status);  // for the starter
    }
    RETURN_IF_ERROR(status);
    return 0;
  }

 private:
  std::string app_;
  std::string stage_;
};

}  // namespace

void RegisterAppHooks(Registry& registry) {
  registry.Add<AppHooks>({.path = "app hooks",
                          .arguments = "POD --app=NAME --stage=poststart|poststop",
                          .summary = "Run hooks of an app: what stands in its units",
                          .min_args = 1,
                          .max_args = 1});
}

}  // namespace rkt::cli
