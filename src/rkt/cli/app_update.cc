// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/app_add_flags.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/update_container.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/update_pod.h"
#include "unit/update_container.h"

namespace rkt::cli {
namespace {

using rktlet::spec::ContainerRecord;
using rktlet::spec::ContainerState;
using rktlet::spec::Layout;
using rktlet::spec::PodRecord;
using rktlet::spec::Resources;

class AppUpdate final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .Bool("pod", &pod_, "The pod's own overhead and resources, from --config")
        .String("config", "FILE|-", &config_, "The resources as one JSON document: all that the app has from now on")
        .Bool("record-only", &record_only_, "Its unit has them already: only the record is written");
    output_.DefineFormat(flags);
    limits_.Define(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const Layout layout = LayoutOf(context);
    if (pod_) {
      return UpdatePod(context, layout, positionals.args[0]);
    }
    ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, positionals.args[0], app_));
    ASSIGN_OR_RETURN(const ContainerState app, rktlet::spec::ReadContainer(layout, target.pod, target.app));
    ASSIGN_OR_RETURN(const Resources wanted, Wanted(app.record.spec.resources));
    ASSIGN_OR_RETURN(const rkt::oci::HostFacts facts, rkt::oci::GatherHostFacts());
    if (record_only_) {
      return Print(context, rkt::oci::UpdateContainerRecord(layout, target.pod, target.app, wanted, facts));
    }
    ASSIGN_OR_RETURN(const rktlet::spec::PodState pod, rktlet::spec::ReadPod(layout, target.pod));
    ASSIGN_OR_RETURN(const rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
    if (app.exit.has_value()) {
      return absl::FailedPreconditionError(rktlet::base::StrCat("the app ", target.app.str(), " has ended"));
    }
    if (!app.started.has_value()) {
      RETURN_IF_ERROR(rktlet::unit::CheckResources(wanted, cgroups));
      return Print(context, rkt::oci::UpdateContainerRecord(layout, target.pod, target.app, wanted, facts));
    }
    RETURN_IF_ERROR(rktlet::unit::CheckUpdate(app.record.spec.resources, wanted, cgroups));
    RETURN_IF_ERROR(Apply(cgroups, pod.record, app.record, app.record.spec.resources, wanted));
    const absl::StatusOr<ContainerRecord> record =
        rkt::oci::UpdateContainerRecord(layout, target.pod, target.app, wanted, facts);
    if (!record.ok()) {
      Apply(cgroups, pod.record, app.record, wanted, app.record.spec.resources).IgnoreError();
    }
    return Print(context, record);
  }

 private:
  absl::StatusOr<Resources> Wanted(const Resources& now) const {
    Resources flags;
    RETURN_IF_ERROR(limits_.SetResources(flags));
    if (!config_.empty() && flags != Resources()) {
      return UsageError("--config describes all resources: no other flag may");
    }
    if (config_.empty()) {
      if (flags == Resources()) {
        return UsageError("nothing to change: --config, --memory, --cpu, --cpu-shares or --oom-score-adj is needed");
      }
      return rktlet::spec::Merge(now, flags);
    }
    ASSIGN_OR_RETURN(const std::string text, ReadDocument(config_));
    return rktlet::spec::ParseResources(text);
  }

  absl::StatusOr<int> UpdatePod(Context& context, const Layout& layout, const std::string& name) const {
    if (config_.empty() || !app_.empty()) {
      return UsageError("--pod needs --config, and no --app");
    }
    ASSIGN_OR_RETURN(const rktlet::spec::PodId pod, rkt::pod::FindPod(layout, name));
    ASSIGN_OR_RETURN(const std::string text, ReadDocument(config_));
    ASSIGN_OR_RETURN(const rktlet::spec::PodResources resources, rktlet::spec::ParsePodResources(text));
    return Print(context, rkt::pod::UpdatePodRecord(layout, pod, resources));
  }

  template <typename Record>
  absl::StatusOr<int> Print(Context& context, const absl::StatusOr<Record>& record) const {
    context.Announce();
    RETURN_IF_ERROR(record.status());
    if (output_.json()) {
      context.out() = ToJson(nlohmann::json::parse(rktlet::spec::ToJson(*record)), output_.format);
    }
    return 0;
  }

  static absl::Status Apply(const rktlet::unit::Cgroups& cgroups, const PodRecord& pod, const ContainerRecord& app,
                            const Resources& before, const Resources& after) {
    const auto body = [&](rktlet::systemd::Manager& manager) -> boost::asio::awaitable<absl::Status> {
      absl::Status status = co_await rktlet::unit::ApplyResources(manager, cgroups, pod, app, before, after);
      co_return status;
    };
    return RunOnBus(body);
  }

  std::string app_;
  bool pod_ = false;
  std::string config_;
  bool record_only_ = false;
  OutputFlags output_;
  LimitFlags limits_;
};

}  // namespace

void RegisterAppUpdate(Registry& registry) {
  registry.Add<AppUpdate>({.path = "app update",
                           .arguments = "POD [--app=NAME]",
                           .summary = "Change the limits of an app, also while it runs",
                           .min_args = 1,
                           .max_args = 1});
}

}  // namespace rkt::cli
