// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/app_add_flags.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/add_container.h"
#include "rkt/pod/pod_lock.h"

namespace rkt::cli {
namespace {

class AppAdd final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("config", "FILE|-", &config_, "The whole container as one JSON document");
    flags.Bool("restore-images", &restore_images_, "Images that hold a checkpoint are restored, not refused");
    output_.DefineFormat(flags);
    cdi_.Define(flags);
    flags_.Define(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(rktlet::spec::PodId pod, rkt::pod::FindPod(layout, positionals.args[0]));
    ASSIGN_OR_RETURN(rktlet::spec::ContainerSpec spec, ReadSpec(context, layout, pod, positionals));
    rkt::oci::SecurityPaths paths;
    paths.seccomp_cache = layout.dir() + "/seccomp";
    ASSIGN_OR_RETURN(rktlet::spec::ContainerRecord record,
                     rkt::oci::AddContainer(layout, pod, spec, paths, cdi_.directories(), restore_images_));
    context.Announce();
    for (const std::string& warning : record.warnings) {
      context.Note(rktlet::base::StrCat("warning: ", warning));
    }
    if (output_.json()) {
      context.out() = ToJson(nlohmann::json::parse(rktlet::spec::ToJson(record)), output_.format);
    }
    return 0;
  }

 private:
  absl::StatusOr<rktlet::spec::ContainerSpec> ReadSpec(const Context& context, const rktlet::spec::Layout& layout,
                                                       const rktlet::spec::PodId& pod,
                                                       const Positionals& positionals) const {
    if (!config_.empty()) {
      if (positionals.args.size() > 1) {
        return UsageError("with --config the document names the image and its arguments");
      }
      ASSIGN_OR_RETURN(std::string text, ReadDocument(config_));
      return rktlet::spec::ParseContainerSpec(text);
    }
    if (positionals.args.size() < 2 || positionals.before_dashes != 2) {
      return UsageError("a pod and an image are needed; arguments of the app stand after --");
    }
    std::vector<std::string> arguments(positionals.args.begin() + 2, positionals.args.end());
    if (!arguments.empty() && arguments.back() == "---") {
      arguments.pop_back();
    }
    ASSIGN_OR_RETURN(const rktlet::spec::PodState state, rktlet::spec::ReadPod(layout, pod));
    ASSIGN_OR_RETURN(auto spec, flags_.ToSpec(context, positionals.args[1], arguments));
    RETURN_IF_ERROR(flags_.MapVolumes(state.record.spec.user_namespace, spec));
    return spec;
  }

  std::string config_;
  bool restore_images_ = true;
  OutputFlags output_;
  CdiFlags cdi_;
  AppAddFlags flags_;
};

}  // namespace

void RegisterAppAdd(Registry& registry) {
  registry.Add<AppAdd>(
      {.path = "app add", .arguments = "POD IMAGE [-- ARG… ---]", .summary = "Add an app to a pod", .min_args = 1});
}

}  // namespace rkt::cli
