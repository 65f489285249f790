// SPDX-License-Identifier: Apache-2.0
// `rkt list`: all pods.
#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/describe.h"

namespace rkt::cli {
namespace {

std::string When(int64_t seconds, bool full) {
  if (seconds == 0) {
    return "-";
  }
  const int64_t time = seconds * 1'000'000'000;
  return full ? AbsoluteTime(time) : RelativeTime(rktlet::base::SystemClock().RealtimeNanos(), time);
}

std::string NetworksText(const nlohmann::json& pod) {
  std::vector<std::string> networks;
  for (const nlohmann::json& network : pod["networks"]) {
    networks.push_back(network["netName"].get<std::string>() + ":ip4=" + network["ip"].get<std::string>());
  }
  return absl::StrJoin(networks, ", ");
}

class List final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { output_.Define(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const auto ids, rktlet::spec::ListPods(layout));
    nlohmann::json pods = nlohmann::json::array();
    std::vector<absl::Status> problems;
    for (const rktlet::spec::PodId& id : ids) {
      const auto view = rkt::pod::ObservePod(layout, id);
      if (absl::IsNotFound(view.status())) {
        continue;  // removed meanwhile
      }
      RETURN_IF_ERROR(view.status());
      pods.push_back(rkt::pod::DescribePod(layout, *view, problems));
    }
    for (const absl::Status& problem : problems) {
      context.Note(std::string(problem.message()));
    }
    context.out() += output_.json() ? ToJson(pods, output_.format) : Text(pods);
    return 0;
  }

 private:
  std::string Text(const nlohmann::json& pods) const {
    Table table({"UUID", "APP", "STATE", "CREATED", "STARTED", "NETWORKS"});
    for (const nlohmann::json& pod : pods) {
      const std::string id = pod["name"].get<std::string>();
      std::vector<std::string> apps;
      for (const nlohmann::json& name : pod["app_names"]) {
        apps.push_back(output_.full ? name.get<std::string>() : name.get<std::string>().substr(0, 12));
      }
      table.AddRow({output_.full ? id : id.substr(0, 8), apps.empty() ? "-" : absl::StrJoin(apps, ","),
                    pod["state"].get<std::string>(), When(pod.value("created_at", int64_t{0}), output_.full),
                    When(pod.value("started_at", int64_t{0}), output_.full), NetworksText(pod)});
    }
    return table.Render(output_.no_legend);
  }

  OutputFlags output_;
};

}  // namespace

void RegisterList(Registry& registry) { registry.Add<List>({.path = "list", .summary = "List pods", .max_args = 0}); }

}  // namespace rkt::cli
