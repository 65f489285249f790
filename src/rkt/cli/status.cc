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

bool IsOver(const std::string& state) { return state != "preparing" && state != "prepared" && state != "running"; }

class StatusCommand final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    output_.DefineFormat(flags);
    flags.Bool("wait", &wait_, "Wait until the pod has ended");
    flags.Duration("wait-ready", &wait_ready_, "Wait until the pod runs, at most that long");
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
  // What is waited for is seen by looking again: a pod that has ended answers at once.
  absl::StatusOr<rkt::pod::PodView> Await(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& id) const {
    const auto deadline = std::chrono::steady_clock::now() + wait_ready_.value_or(std::chrono::nanoseconds(0));
    while (true) {
      ASSIGN_OR_RETURN(rkt::pod::PodView view, rkt::pod::ObservePod(layout, id));
      const bool ready_wait =
          wait_ready_.has_value() && view.state != "running" && std::chrono::steady_clock::now() < deadline;
      if (IsOver(view.state) || !(ready_wait || wait_)) {
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
  bool wait_ = false;
  std::optional<std::chrono::nanoseconds> wait_ready_;
};

}  // namespace

void RegisterStatus(Registry& registry) {
  registry.Add<StatusCommand>(
      {.path = "status", .arguments = "POD", .summary = "Show a pod", .min_args = 1, .max_args = 1});
}

}  // namespace rkt::cli
