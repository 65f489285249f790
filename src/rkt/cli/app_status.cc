// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/app_state.h"
#include "rkt/pod/describe.h"

namespace rkt::cli {
namespace {

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
    if (output_.json()) {
      context.out() = ToJson(rkt::pod::DescribeApp(state, boot_id), output_.format);
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
