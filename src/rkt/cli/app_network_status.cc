// SPDX-License-Identifier: Apache-2.0
// `rkt app network status`: whether a pod could get a network now.
#include <nlohmann/json.hpp>

#include "rkt/cli/commands.h"
#include "rkt/cli/output.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/pod_network.h"

namespace rkt::cli {
namespace {

class AppNetworkStatus final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    cni_.Define(flags);
    output_.DefineFormat(flags);
  }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    ASSIGN_OR_RETURN(const rkt::pod::NetworkStatus status, rkt::pod::GetNetworkStatus(cni_.Options()));
    if (output_.json()) {
      context.out() += ToJson(Describe(status), output_.format);
      return 0;
    }
    context.out() += status.ready ? "ready\n" : status.reason + ": " + status.message + "\n";
    for (const rkt::net::NetworkConfig& network : status.networks) {
      context.out() += network.name + "\t" + network.file + "\n";
    }
    return 0;
  }

 private:
  static nlohmann::json Describe(const rkt::pod::NetworkStatus& status) {
    nlohmann::json networks = nlohmann::json::array();
    for (const rkt::net::NetworkConfig& network : status.networks) {
      nlohmann::json plugins = nlohmann::json::array();
      for (const rkt::net::PluginConfig& plugin : network.plugins) {
        plugins.push_back(plugin.type);
      }
      networks.push_back({{"name", network.name}, {"file", network.file}, {"plugins", plugins}});
    }
    return {{"ready", status.ready}, {"reason", status.reason}, {"message", status.message}, {"networks", networks}};
  }

  CniFlags cni_;
  OutputFlags output_;
};

}  // namespace

void RegisterAppNetworkStatus(Registry& registry) {
  registry.Add<AppNetworkStatus>(
      {.path = "app network status", .summary = "Say whether pods can get a network", .max_args = 0});
}

}  // namespace rkt::cli
