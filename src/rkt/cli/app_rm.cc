// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/app_common.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/remove_container.h"
#include "rkt/pod/pod_lock.h"

namespace rkt::cli {
namespace {

class AppRm final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .Bool("force", &force_, "Kill it without a grace period; an app or pod that does not exist is no error")
        .Bool("files-only", &files_only_, "Its unit is stopped already: only files and streams are let go");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    absl::StatusOr<AppTarget> target = FindApp(layout, positionals.args[0], app_);
    if (absl::IsNotFound(target.status()) && (force_ || files_only_)) {
      return RemoveLeftovers(layout, positionals.args[0]);
    }
    RETURN_IF_ERROR(target.status());
    if (!files_only_) {
      RETURN_IF_ERROR(Stop(context, layout, *target));
    }
    const absl::Status status = rkt::oci::RemoveContainerFiles(layout, target->pod, target->app);
    context.Announce();
    RETURN_IF_ERROR(status);
    return 0;
  }

 private:
  // There is no such app, but a killed command may have begun to make it.
  absl::StatusOr<int> RemoveLeftovers(const rktlet::spec::Layout& layout, const std::string& pod) const {
    const absl::StatusOr<rktlet::spec::PodId> id = rkt::pod::FindPod(layout, pod);
    const absl::StatusOr<rktlet::spec::AppName> app = rktlet::spec::AppName::Parse(app_);
    if (id.ok() && app.ok()) {
      RETURN_IF_ERROR(rkt::oci::RemoveContainerFiles(layout, *id, *app));
    }
    return 0;
  }

  // A container whose record cannot be read has no unit that could be named: its pod's end ends it.
  absl::Status Stop(const Context& context, const rktlet::spec::Layout& layout, const AppTarget& target) const {
    absl::StatusOr<rktlet::spec::ContainerState> app = rktlet::spec::ReadContainer(layout, target.pod, target.app);
    if (!app.ok()) {
      if (!force_) {
        return app.status();
      }
      context.Note(std::string(app.status().message()));
      return absl::OkStatus();
    }
    const auto body = [&](rktlet::systemd::Manager& manager) -> boost::asio::awaitable<absl::Status> {
      absl::Status status = co_await StopApp(manager, layout, app->record, 0, force_ ? 0 : -1);
      co_return status;
    };
    return RunOnBus(body);
  }

  std::string app_;
  bool force_ = false;
  bool files_only_ = false;
};

}  // namespace

void RegisterAppRm(Registry& registry) {
  registry.Add<AppRm>({.path = "app rm",
                       .arguments = "POD --app=NAME",
                       .summary = "Stop an app of a pod and remove it",
                       .min_args = 1,
                       .max_args = 1});
}

}  // namespace rkt::cli
