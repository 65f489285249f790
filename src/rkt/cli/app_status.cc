// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/app_state.h"
#include "rkt/pod/describe.h"
#include "unit/supervisor_client.h"

namespace rkt::cli {
namespace {

// What the app's log got and lost, "NAME=NUMBER" each; empty when no supervisor knows the app (any more).
std::vector<std::pair<std::string, int64_t>> LogCounters(const rktlet::spec::Layout& layout, const AppTarget& target) {
  std::vector<std::pair<std::string, int64_t>> counters;
  const auto reply = rktlet::unit::CallSupervisor(layout.SupervisorSocket(target.pod),
                                                  rktlet::spec::supervisor::kLogState, 0, {target.app.str()});
  if (!reply.ok()) {
    return counters;
  }
  std::string_view text = reply->text;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view counter = text.substr(0, end);
    if (const size_t equals = counter.find('='); equals != std::string_view::npos) {
      const absl::StatusOr<int64_t> number = ParseInt(counter.substr(equals + 1));
      counters.emplace_back(std::string(counter.substr(0, equals)), number.value_or(0));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return counters;
}

class AppStatus final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several");
    output_.DefineFormat(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(AppTarget target, FindApp(layout, positionals.args[0], app_));
    ASSIGN_OR_RETURN(rktlet::spec::ContainerState state, rktlet::spec::ReadContainer(layout, target.pod, target.app));
    ASSIGN_OR_RETURN(std::string boot_id, rktlet::base::BootId());
    const auto counters = LogCounters(layout, target);
    if (output_.json()) {
      nlohmann::json description = rkt::pod::DescribeApp(state, boot_id);
      for (const auto& [name, number] : counters) {
        description["log"][name] = number;
      }
      context.out() = ToJson(description, output_.format);
      return 0;
    }
    const rkt::pod::AppState app = rkt::pod::ObserveApp(state, boot_id);
    std::string& out = context.out();
    out = rktlet::base::StrCat("name=", target.app.str(), "\nstate=", app.state, "\nimage_id=", state.record.image_id,
                               "\ncreated=", AbsoluteTime(state.record.created_at));
    if (app.started_at != 0) {
      out += "\nstarted=" + AbsoluteTime(app.started_at);
    }
    if (app.state == "exited") {
      out += rktlet::base::StrCat("\nfinished=", AbsoluteTime(app.finished_at), "\nexit_code=", app.exit_code,
                                  "\nreason=", app.reason);
      if (!app.message.empty()) {
        out += "\nmessage=" + app.message;
      }
    } else if (app.pid != 0) {
      out += rktlet::base::StrCat("\npid=", app.pid);
    }
    out += rktlet::base::StrCat("\nunit=", state.record.unit, "\n");
    for (const auto& [name, number] : counters) {
      out += rktlet::base::StrCat("log_", name, "=", number, "\n");
    }
    return 0;
  }

 private:
  std::string app_;
  OutputFlags output_;
};

}  // namespace

void RegisterAppStatus(Registry& registry) {
  registry.Add<AppStatus>({.path = "app status",
                           .arguments = "POD --app=NAME",
                           .summary = "Print the status of an app",
                           .min_args = 1,
                           .max_args = 1,
                           .failure_code = 1});
}

}  // namespace rkt::cli
