// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <ctime>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/log_reader.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/app_state.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

class Logs final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .Bool("follow", &follow_, "Go on as long as the app runs")
        .Int("tail", "N", &tail_, "Only the last N lines")
        .Duration("since", &since_, "Only lines that are younger")
        .Bool("timestamps", &printer_.timestamps, "Print each line's time");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    if (tail_.has_value() && *tail_ < 0) {
      return UsageError("--tail: a number of lines is wanted");
    }
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const AppTarget target, FindAppByPath(layout, positionals.args[0], app_));
    ASSIGN_OR_RETURN(const rktlet::spec::ContainerState state,
                     rktlet::spec::ReadContainer(layout, target.pod, target.app));
    if (state.record.log_path.empty()) {
      return absl::FailedPreconditionError(
          StrCat("app ", target.app.str(), " has no log: its pod has no log directory"));
    }
    LogReader reader(state.record.log_path);
    RETURN_IF_ERROR(reader.Open());
    if (since_.has_value()) {
      printer_.not_before = AbsoluteRfc3339(*since_);
    }
    RETURN_IF_ERROR(PrintBacklog(reader));
    while (follow_) {
      ASSIGN_OR_RETURN(const bool running, IsRunning(layout, target));
      while (const std::optional<std::string> line = reader.Next()) {
        RETURN_IF_ERROR(printer_.Print(*line));
      }
      if (!running) {
        break;
      }
      reader.AwaitChange();
    }
    return 0;
  }

 private:
  static absl::StatusOr<bool> IsRunning(const rktlet::spec::Layout& layout, const AppTarget& target) {
    ASSIGN_OR_RETURN(const rktlet::spec::ContainerState state,
                     rktlet::spec::ReadContainer(layout, target.pod, target.app));
    ASSIGN_OR_RETURN(const std::string boot_id, rktlet::base::BootId());
    const std::string now = rkt::pod::ObserveApp(state, boot_id).state;
    return now == "running" || now == "created";
  }

  // The time so long ago as the log spells it: text compares as time does.
  static std::string AbsoluteRfc3339(std::chrono::nanoseconds ago) {
    const auto when = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::microseconds>(ago);
    const time_t seconds = std::chrono::system_clock::to_time_t(when);
    struct tm parts = {};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return text.data();
  }

  absl::Status PrintBacklog(LogReader& reader) {
    if (!tail_.has_value()) {
      while (const std::optional<std::string> line = reader.Next()) {
        RETURN_IF_ERROR(printer_.Print(*line));
      }
      return absl::OkStatus();
    }
    // Pieces belong to the line that they are of.
    std::deque<std::string> last;
    int64_t whole = 0;
    while (std::optional<std::string> line = reader.Next()) {
      const std::optional<LogLine> parsed = ParseLogLine(*line);
      whole += parsed.has_value() && parsed->partial ? 0 : 1;
      last.push_back(*std::move(line));
      while (whole > *tail_ && !last.empty()) {
        const std::optional<LogLine> front = ParseLogLine(last.front());
        whole -= front.has_value() && front->partial ? 0 : 1;
        last.pop_front();
      }
    }
    for (const std::string& line : last) {
      RETURN_IF_ERROR(printer_.Print(line));
    }
    return absl::OkStatus();
  }

  std::string app_;
  bool follow_ = false;
  std::optional<int64_t> tail_;
  std::optional<std::chrono::nanoseconds> since_;
  LogPrinter printer_;
};

}  // namespace

void RegisterLogs(Registry& registry) {
  registry.Add<Logs>({.path = "logs",
                      .arguments = "POD[/APP] [--app=NAME]",
                      .summary = "Print what an app wrote",
                      .details = "What it wrote to stderr goes to stderr.",
                      .min_args = 1,
                      .max_args = 1});
}

}  // namespace rkt::cli
