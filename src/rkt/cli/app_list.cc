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
#include "rkt/pod/pod_lock.h"

namespace rkt::cli {
namespace {

class AppList final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { output_.Define(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(rktlet::spec::PodId pod, rkt::pod::FindPod(layout, positionals.args[0]));
    ASSIGN_OR_RETURN(std::vector<rktlet::spec::AppName> apps, rktlet::spec::ListApps(layout, pod));
    ASSIGN_OR_RETURN(std::string boot_id, rktlet::base::BootId());
    nlohmann::json list = nlohmann::json::array();
    Table table({"NAME", "STATE"});
    for (const rktlet::spec::AppName& app : apps) {
      absl::StatusOr<rktlet::spec::ContainerState> state = rktlet::spec::ReadContainer(layout, pod, app);
      if (absl::IsNotFound(state.status())) {
        continue;  // removed meanwhile
      }
      if (!state.ok()) {
        context.Note(rktlet::base::StrCat(app.str(), ": ", std::string(state.status().message())));
        list.push_back({{"name", app.str()}, {"state", "unknown"}});
        table.AddRow({app.str(), "unknown"});
        continue;
      }
      if (output_.json()) {
        list.push_back(rkt::pod::DescribeApp(*state, boot_id));
      } else {
        table.AddRow({app.str(), rkt::pod::ObserveApp(*state, boot_id).state});
      }
    }
    context.out() = output_.json() ? ToJson(list, output_.format) : table.Render(output_.no_legend);
    return 0;
  }

 private:
  OutputFlags output_;
};

}  // namespace

void RegisterAppList(Registry& registry) {
  registry.Add<AppList>({.path = "app list",
                         .arguments = "POD",
                         .summary = "List the apps of a pod",
                         .min_args = 1,
                         .max_args = 1,
                         .failure_code = 1});
}

}  // namespace rkt::cli
