// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/exec.h"

namespace rkt::cli {

std::vector<std::string> ExecCommandOf(const Positionals& positionals) {
  std::vector<std::string> command(positionals.args.begin() + 1, positionals.args.end());
  if (!command.empty() && command.front() == "--") {
    command.erase(command.begin());
  }
  return command.empty() ? std::vector<std::string>{"/bin/sh"} : command;
}

namespace {

class AppExec final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .Bool("tty", &options_.tty, "Give the command a terminal")
        .String("user", "USER[:GROUP]", &options_.user, "User, by name or number, instead of the app's")
        .List("env", "K=V", &options_.environment, "Environment variable")
        .String("working-dir", "DIR", &options_.working_directory, "Working directory instead of the app's")
        .Duration("timeout", &options_.timeout, "Kill the command after this time, exit code 124")
        .Int("console-fd", "N", &console_fd_, "Stream socket that gets the terminal's master instead of a copy of it")
        .Hidden()
        .String("console-size", "COLUMNSxROWS", &console_size_, "Size of the terminal with --console-fd at its start")
        .Hidden()
        .Int("report-fd", "N", &report_fd_,
             "Pipe for the reason of codes 124 to 127; its reader's end ends the command")
        .Hidden();
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    RETURN_IF_ERROR(Take(console_fd_, "console-fd", &options_.console_fd));
    RETURN_IF_ERROR(Take(report_fd_, "report-fd", &options_.lifeline_fd));
    if (options_.console_fd >= 0 && !options_.tty) {
      return UsageError("--console-fd needs --tty");
    }
    RETURN_IF_ERROR(TakeSize());
    absl::StatusOr<AppTarget> target = FindApp(LayoutOf(context), positionals.args[0], app_);
    if (!target.ok()) {
      if (IsUsageError(target.status())) {
        return target.status();
      }
      Say(context, rkt::oci::kExecNotStarted, std::string(target.status().message()));
      return rkt::oci::kExecNotStarted;
    }
    options_.command = ExecCommandOf(positionals);
    const rkt::oci::ExecResult result =
        rkt::oci::ExecInContainer(LayoutOf(context), target->pod, target->app, options_);
    if (!result.reason.empty() && (!result.reported || options_.lifeline_fd >= 0)) {
      Say(context, result.code, result.reason);
    }
    return result.code;
  }

 private:
  // A descriptor that we were started with, and that nobody whom we start is to have.
  static absl::Status Take(const std::optional<int64_t>& number, std::string_view flag, int* fd) {
    if (!number.has_value()) {
      return absl::OkStatus();
    }
    *fd = static_cast<int>(*number);
    if (*number < 3 || *number > 1024 || fcntl(*fd, F_SETFD, FD_CLOEXEC) != 0) {
      return UsageError(rktlet::base::StrCat("--", flag, "=", *number, ": no open descriptor above 2"));
    }
    return absl::OkStatus();
  }

  absl::Status TakeSize() {
    if (console_size_.empty()) {
      return absl::OkStatus();
    }
    const size_t by = std::min(console_size_.find('x'), console_size_.size());
    const std::string_view columns = std::string_view(console_size_).substr(0, by);
    const std::string_view rows = std::string_view(console_size_).substr(std::min(by + 1, console_size_.size()));
    const auto parse = [](std::string_view text, uint16_t* number) {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
      return error == std::errc() && end == text.data() + text.size();
    };
    if (options_.console_fd < 0 || !parse(columns, &options_.columns) || !parse(rows, &options_.rows)) {
      return UsageError(rktlet::base::StrCat("--console-size=", console_size_, ": not COLUMNSxROWS with --console-fd"));
    }
    return absl::OkStatus();
  }

  void Say(Context& context, int code, const std::string& reason) const {
    if (options_.lifeline_fd < 0) {
      context.Note(reason);
      return;
    }
    rktlet::base::WriteAll(options_.lifeline_fd, rktlet::base::StrCat(code, " ", reason, "\n")).IgnoreError();
  }

  std::string app_;
  std::optional<int64_t> console_fd_;
  std::string console_size_;
  std::optional<int64_t> report_fd_;
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
