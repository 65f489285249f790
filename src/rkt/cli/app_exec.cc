// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/exec.h"

namespace rkt::cli {
namespace {

class AppExec final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .Bool("tty", &options_.tty, "Give the command a terminal")
        .String("user", "USER[:GROUP]", &options_.user, "User, by name or number, instead of the app's")
        .List("env", "K=V", &options_.environment, "Environment variable")
        .String("working-dir", "DIR", &options_.working_directory, "Working directory instead of the app's")
        .Duration("timeout", &options_.timeout, "Kill the command after this time, exit code 124");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    absl::StatusOr<AppTarget> target = FindApp(LayoutOf(context), positionals.args[0], app_);
    if (!target.ok()) {
      if (IsUsageError(target.status())) {
        return target.status();
      }
      context.Note(std::string(target.status().message()));
      return rkt::oci::kExecNotStarted;
    }
    options_.command.assign(positionals.args.begin() + 1, positionals.args.end());
    if (!options_.command.empty() && options_.command.front() == "--") {
      options_.command.erase(options_.command.begin());
    }
    if (options_.command.empty()) {
      options_.command = {"/bin/sh"};
    }
    const rkt::oci::ExecResult result =
        rkt::oci::ExecInContainer(LayoutOf(context), target->pod, target->app, options_);
    if (!result.reason.empty() && !result.reported) {
      context.Note(result.reason);
    }
    return result.code;
  }

 private:
  std::string app_;
  rkt::oci::ExecOptions options_;
};

}  // namespace

void RegisterAppExec(Registry& registry) {
  registry.Add<AppExec>({.path = "app exec",
                         .arguments = "[--app=NAME] POD [CMD…]",
                         .summary = "Run a command in an app",
                         .details =
                             "The exit code is the command's, 128+n for a signal. 125: it was not started, 126: it "
                             "cannot be executed, 127: it was not found, 124: it was killed after --timeout.",
                         .min_args = 1,
                         .stop_at_positional = true,
                         .failure_code = 125});
}

}  // namespace rkt::cli
