// SPDX-License-Identifier: Apache-2.0
// `rkt features`: what the OCI runtimes and this kernel can do for pods, tried out.
#include "rkt/oci/features.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"

namespace rkt::cli {
namespace {

class Features final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { output_.DefineFormat(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    const std::vector<rkt::oci::HandlerFeatures> handlers = rkt::oci::ProbeFeatures(LayoutOf(context));
    nlohmann::json list = nlohmann::json::array();
    for (const rkt::oci::HandlerFeatures& handler : handlers) {
      const bool yes = handler.user_namespaces.ok();
      const std::string reason(handler.user_namespaces.message());
      list.push_back({{"name", handler.name}, {"user_namespaces", yes}, {"reason", reason}});
      if (!output_.json()) {
        context.out() += rktlet::base::StrCat(handler.name, "\tuser namespaces: ", yes ? "yes" : "no, " + reason, "\n");
      }
    }
    if (output_.json()) {
      context.out() = ToJson({{"handlers", std::move(list)}}, output_.format);
    }
    return 0;
  }

 private:
  OutputFlags output_;
};

}  // namespace

void RegisterFeatures(Registry& registry) {
  registry.Add<Features>(
      {.path = "features", .summary = "Try what runtimes and kernel can do for pods", .max_args = 0});
}

}  // namespace rkt::cli
