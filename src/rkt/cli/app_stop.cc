// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"

namespace rkt::cli {
namespace {

class AppStop final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .String("signal", "SIGNAL", &signal_, "Signal to its first process instead of its own stop signal")
        .Duration("timeout", &timeout_, "Time until it is killed instead of its own grace period");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    int signal = 0;
    if (!signal_.empty()) {
      ASSIGN_OR_RETURN(signal, rktlet::spec::SignalNumber(signal_));
    }
    ASSIGN_OR_RETURN(AppTarget target, FindApp(layout, positionals.args[0], app_));
    ASSIGN_OR_RETURN(rktlet::spec::ContainerState app, rktlet::spec::ReadContainer(layout, target.pod, target.app));
    if (app.exit.has_value()) {
      return 0;
    }
    if (!app.started.has_value()) {
      return absl::FailedPreconditionError(rktlet::base::StrCat("the app ", target.app.str(), " was not started"));
    }
    const int64_t timeout =
        timeout_.has_value()
            ? std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(*timeout_).count())
            : -1;
    const auto body = [&](rktlet::systemd::Manager& manager) -> boost::asio::awaitable<absl::Status> {
      absl::Status status = co_await StopApp(manager, layout, app.record, signal, timeout);
      co_return status;
    };
    const absl::Status status = RunOnBus(body);
    context.Announce();
    RETURN_IF_ERROR(status);
    return 0;
  }

 private:
  std::string app_;
  std::string signal_;
  std::optional<std::chrono::nanoseconds> timeout_;
};

}  // namespace

void RegisterAppStop(Registry& registry) {
  registry.Add<AppStop>({.path = "app stop",
                         .arguments = "POD --app=NAME",
                         .summary = "Stop an app of a pod",
                         .min_args = 1,
                         .max_args = 1});
}

}  // namespace rkt::cli
