// SPDX-License-Identifier: Apache-2.0
// `rkt status POD`: one pod and its apps.
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/strings.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/describe.h"
#include "rkt/pod/pod_lock.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

constexpr std::chrono::milliseconds kLookAgain(50);
constexpr std::chrono::nanoseconds kForever = std::chrono::hours(24 * 365 * 100);

bool IsOver(const std::string& state) { return state != "preparing" && state != "prepared" && state != "running"; }

class StatusCommand final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    output_.DefineFormat(flags);
    DefineWait(flags, "wait", &wait_, "Wait until the pod has ended, or at most that long");
    DefineWait(flags, "wait-ready", &wait_ready_, "Wait until the pod runs or has ended, or at most that long");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const auto id, rkt::pod::FindPod(layout, positionals.args[0]));
    ASSIGN_OR_RETURN(const rkt::pod::PodView view, Await(layout, id));
    std::vector<absl::Status> problems;
    const nlohmann::json pod = rkt::pod::DescribePod(layout, view, problems);
    for (const absl::Status& problem : problems) {
      context.Note(std::string(problem.message()));
    }
    context.out() += output_.json() ? ToJson(pod, output_.format) : Text(pod);
    return 0;
  }

 private:
  // As the original had it: a bare flag waits as long as it takes, a value is a boolean or a duration.
  static void DefineWait(FlagSet& flags, std::string_view name, std::optional<std::chrono::nanoseconds>* target,
                         std::string_view help) {
    flags.Custom({.name = std::string(name),
                  .placeholder = "DURATION",
                  .help = std::string(help),
                  .boolean = true,
                  .set = [target](const std::string& value) -> absl::Status {
                    if (const absl::StatusOr<bool> yes = ParseBool(value); yes.ok() && value != "1" && value != "0") {
                      *target = *yes ? std::optional(kForever) : std::nullopt;
                      return absl::OkStatus();
                    }
                    ASSIGN_OR_RETURN(*target, ParseDuration(value));
                    return absl::OkStatus();
                  }});
  }

  // What is waited for is seen by looking again: a pod that has ended answers at once.
  absl::StatusOr<rkt::pod::PodView> Await(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& id) const {
    const auto begin = std::chrono::steady_clock::now();
    while (true) {
      ASSIGN_OR_RETURN(rkt::pod::PodView view, rkt::pod::ObservePod(layout, id));
      const auto waited = std::chrono::steady_clock::now() - begin;
      const bool for_ready = wait_ready_.has_value() && view.state != "running" && waited < *wait_ready_;
      const bool for_end = wait_.has_value() && waited < *wait_;
      if (IsOver(view.state) || !(for_ready || for_end)) {
        return view;
      }
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  static std::string Text(const nlohmann::json& pod) {
    std::string text = StrCat("state=", pod["state"].get<std::string>(), "\n");
    text += StrCat("created=", AbsoluteTime(pod.value("created_at", int64_t{0}) * 1'000'000'000), "\n");
    text += StrCat("pid=", pod["pid"].get<int>(), "\n");
    text += StrCat("exited=", pod["state"] == "exited" ? "true" : "false", "\n");
    for (const nlohmann::json& app : pod["apps"]) {
      if (app["state"] == "exited") {
        text += StrCat("app-", app["name"].get<std::string>(), "=", app["exit_code"].get<int>(), "\n");
      }
    }
    return text;
  }

  OutputFlags output_;
  std::optional<std::chrono::nanoseconds> wait_;
  std::optional<std::chrono::nanoseconds> wait_ready_;
};

}  // namespace

void RegisterStatus(Registry& registry) {
  registry.Add<StatusCommand>(
      {.path = "status", .arguments = "POD", .summary = "Show a pod", .min_args = 1, .max_args = 1});
}

}  // namespace rkt::cli
