// SPDX-License-Identifier: Apache-2.0
// `rkt enter`: a shell, or a command, in an app, with a terminal where we have one.
#include <unistd.h>

#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/exec.h"

namespace rkt::cli {
namespace {

class Enter final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several");
    flags.OptionalBool("tty", &tty_, "Give the command a terminal (when stdin and stdout are one)");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    absl::StatusOr<AppTarget> target = FindApp(layout, positionals.args[0], app_);
    RETURN_IF_ERROR(target.status());
    rkt::oci::ExecOptions options;
    options.command = ExecCommandOf(positionals);
    options.tty = tty_.value_or(::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0);
    const rkt::oci::ExecResult result = rkt::oci::ExecInContainer(layout, target->pod, target->app, options);
    if (!result.reason.empty() && !result.reported) {
      context.Note(result.reason);
    }
    return result.code;
  }

 private:
  std::string app_;
  std::optional<bool> tty_;
};

}  // namespace

void RegisterEnter(Registry& registry) {
  registry.Add<Enter>({.path = "enter",
                       .arguments = "[--app=NAME] POD [CMD…]",
                       .summary = "Open a shell in an app",
                       .details =
                           "The exit code is the command's, 128+n for a signal. 125: it was not started, 126: it "
                           "cannot be executed, 127: it was not found.",
                       .min_args = 1,
                       .stop_at_positional = true,
                       .failure_code = 125});
}

}  // namespace rkt::cli
