// SPDX-License-Identifier: Apache-2.0
// `rkt cat-manifest`: what was asked for, as the documents that --config takes.
#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/pod_lock.h"

namespace rkt::cli {
namespace {

namespace spec = rktlet::spec;

class CatManifest final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.Bool("pretty-print", &pretty_print_, "Indent the document (true)");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const spec::PodId id, rkt::pod::FindPod(layout, positionals.args[0]));
    ASSIGN_OR_RETURN(const spec::PodState pod, spec::ReadPod(layout, id));
    ASSIGN_OR_RETURN(const std::vector<spec::AppName> names, spec::ListApps(layout, id));
    nlohmann::ordered_json apps = nlohmann::ordered_json::array();
    for (const spec::AppName& name : names) {
      const absl::StatusOr<spec::ContainerState> app = spec::ReadContainer(layout, id, name);
      if (absl::IsNotFound(app.status())) {
        continue;  // removed meanwhile
      }
      RETURN_IF_ERROR(rktlet::base::Annotate(app.status(), rktlet::base::StrCat("app ", name.str())));
      apps.push_back(nlohmann::ordered_json::parse(spec::ToJson(app->record.spec)));
    }
    nlohmann::ordered_json document;
    document["pod"] = nlohmann::ordered_json::parse(spec::ToJson(pod.record.spec));
    document["apps"] = std::move(apps);
    context.out() = document.dump(pretty_print_ ? 2 : -1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    return 0;
  }

 private:
  bool pretty_print_ = true;
};

}  // namespace

void RegisterCatManifest(Registry& registry) {
  registry.Add<CatManifest>({.path = "cat-manifest",
                             .arguments = "POD",
                             .summary = "Print what a pod and its apps were asked to be",
                             .details = "`pod` is the document that `app sandbox --config=` takes, each of `apps` one "
                                        "for `app add --config=`.\nEnvironment variables are among it.",
                             .min_args = 1,
                             .max_args = 1});
}

}  // namespace rkt::cli
