// SPDX-License-Identifier: Apache-2.0
// `rkt app network up|down POD`: CNI ADD and DEL of a pod.
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/pod_network.h"

namespace rkt::cli {
namespace {

class AppNetworkUp final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { cni_.Define(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const auto pod, rkt::pod::FindPod(layout, positionals.args[0]));
    ASSIGN_OR_RETURN(const auto record, rkt::pod::NetworkUp(layout, pod, cni_.Options()));
    for (const std::string& ip : record.ips) {
      context.out() += ip + "\n";
    }
    context.Announce();
    return 0;
  }

 private:
  CniFlags cni_;
};

class AppNetworkDown final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { cni_.Define(flags); }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const rktlet::spec::Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const auto pod, rkt::pod::FindPod(layout, positionals.args[0]));
    RETURN_IF_ERROR(rkt::pod::NetworkDown(layout, pod, cni_.Options()));
    context.Announce();
    return 0;
  }

 private:
  CniFlags cni_;
};

}  // namespace

void RegisterAppNetwork(Registry& registry) {
  registry.Add<AppNetworkUp>({.path = "app network up",
                              .arguments = "POD",
                              .summary = "Attach a prepared pod to its networks, and print its addresses",
                              .min_args = 1,
                              .max_args = 1});
  registry.Add<AppNetworkDown>({.path = "app network down",
                                .arguments = "POD",
                                .summary = "Detach a pod from its networks",
                                .min_args = 1,
                                .max_args = 1});
}

}  // namespace rkt::cli
