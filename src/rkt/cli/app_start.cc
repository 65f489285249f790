// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/start_here.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/units.h"
#include "unit/cgroup.h"
#include "unit/start_container.h"

namespace rkt::cli {
namespace {

constexpr std::chrono::milliseconds kStartTimeout = std::chrono::minutes(3);

class AppStart final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several");
    flags.Bool("here", &here_, "Become the container: what stands in its unit's ExecStart=");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(AppTarget target, FindApp(layout, positionals.args[0], app_));
    if (here_) {
      const absl::Status status = rkt::oci::StartHere(layout, target.pod, target.app);
      rkt::oci::WriteStartError(layout, target.pod, target.app, status);
      return status;
    }
    ASSIGN_OR_RETURN(rktlet::spec::PodState pod, rktlet::spec::ReadPod(layout, target.pod));
    ASSIGN_OR_RETURN(rktlet::spec::ContainerState app, rktlet::spec::ReadContainer(layout, target.pod, target.app));
    if (app.started.has_value() || app.exit.has_value()) {
      return absl::FailedPreconditionError(
          rktlet::base::StrCat("the app ", target.app.str(), " was started before: it can be removed and added again"));
    }
    if (!rkt::pod::PodRuns(layout, target.pod)) {
      return absl::FailedPreconditionError(rktlet::base::StrCat("pod ", target.pod.str(), " is not running"));
    }
    const rktlet::unit::UnitOptions options = rkt::pod::LocalUnitOptions();
    ASSIGN_OR_RETURN(rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
    const rktlet::unit::Programs programs = rktlet::unit::Programs::Installed(layout);
    const auto body = [&](rktlet::systemd::Manager& manager) -> boost::asio::awaitable<absl::Status> {
      absl::StatusOr<rktlet::unit::StartResult> result = co_await rktlet::unit::StartContainer(
          manager, programs, options, cgroups, pod.record, app.record, kStartTimeout);
      co_return result.status();
    };
    const absl::Status status = RunOnBus(body);
    context.Announce();
    RETURN_IF_ERROR(status);
    return 0;
  }

 private:
  std::string app_;
  bool here_ = false;
};

}  // namespace

void RegisterAppStart(Registry& registry) {
  registry.Add<AppStart>({.path = "app start",
                          .arguments = "POD --app=NAME",
                          .summary = "Start an app of a pod",
                          .min_args = 1,
                          .max_args = 1});
}

}  // namespace rkt::cli
