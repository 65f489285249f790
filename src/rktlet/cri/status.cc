// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/journal.h"
#include "base/mount_attributes.h"
#include "rktlet/config/options.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods.h"
#include "rktlet/streaming/server.h"
#include "spec/runtime_handlers.h"

namespace rktlet::cri {
namespace {

using nlohmann::json;

void AddCondition(v1::RuntimeStatus& status, const char* type, bool ready, const std::string& reason,
                  const std::string& message) {
  v1::RuntimeCondition* condition = status.add_conditions();
  condition->set_type(type);
  condition->set_status(ready);
  if (!ready) {
    condition->set_reason(reason);
    condition->set_message(message);
  }
}

// The handlers that a pod may name: the default, which has no name, and those whose programs are installed.
void AddHandlers(const engine::Features& features, const std::string& default_handler, v1::StatusResponse& response) {
  bool any_user_namespaces = false;
  std::vector<std::string> names = {""};
  for (const char* name : spec::kRuntimeHandlers) {
    if (spec::FindRuntimeProgram(name).ok()) {
      names.emplace_back(name);
    }
  }
  for (const std::string& name : names) {
    v1::RuntimeHandler* handler = response.add_runtime_handlers();
    handler->set_name(name);
    handler->mutable_features()->set_recursive_read_only_mounts(base::HasMountSetattr());
    const auto found = features.user_namespaces.find(name.empty() ? default_handler : name);
    const bool user_namespaces = found != features.user_namespaces.end() && found->second;
    handler->mutable_features()->set_user_namespaces(user_namespaces);
    any_user_namespaces = any_user_namespaces || user_namespaces;
  }
  response.mutable_features()->set_user_namespaces_host_network(any_user_namespaces);
}

std::string Text(const json& document) { return document.dump(-1, ' ', false, json::error_handler_t::replace); }

// What rktlet itself has: after any load it has to be what it was before.
json Resources(const Context& context) {
  const struct mallinfo2 heap = ::mallinfo2();
  json resources = {{"heapBytes", heap.uordblks + heap.hblkhd}, {"heapHeldBytes", heap.arena + heap.hblkhd}};
  if (const auto descriptors = base::ListDirectory("/proc/self/fd"); descriptors.ok()) {
    resources["descriptors"] = descriptors->size() - 1;  // without that of the look
  }
  if (context.streams != nullptr) {
    resources["streamClients"] = context.streams->clients();
    resources["streamBufferBytes"] = context.streams->buffered();
  }
  return resources;
}

// Each pull under way: how much is there, and how many wait for it.
json Pulls(const Context& context) {
  json pulls = json::array();
  for (const engine::PullView& pull : context.puller.Pulls()) {
    json entry = {{"image", pull.reference},
                  {"phase", pull.progress.phase},
                  {"seconds", pull.elapsed.count() / 1000.0},
                  {"callers", pull.callers},
                  {"bytesFetched", pull.progress.bytes}};
    if (pull.progress.total != 0) {
      entry["bytesTotal"] = pull.progress.total;
    }
    if (pull.progress.layers != 0) {
      entry["layer"] = pull.progress.layer;
      entry["layers"] = pull.progress.layers;
    }
    pulls.push_back(std::move(entry));
  }
  return pulls;
}

// Each pod whose start is under way: which steps it took, and which it is in.
json Starts(const pods::Pods& pods) {
  json starts = json::array();
  for (const pods::PodStart& start : pods.Starts()) {
    json steps = json::array();
    for (const pods::PodStart::Step& step : start.steps) {
      steps.push_back({{"name", step.name}, {"seconds", step.duration / 1e9}, {"underWay", step.under_way}});
    }
    starts.push_back({{"id", start.id}, {"pod", start.pod}, {"steps", std::move(steps)}});
  }
  return starts;
}

void AddInfo(Context& context, const engine::NetworkStatus& network, v1::StatusResponse& response) {
  auto& info = *response.mutable_info();
  const json options = {{"yaml", config::Dump(context.config)}};
  info["config"] = Text(options);
  const json node = {{"podCIDR", context.node.pod_cidr},
                     {"podCIDRApplied", false},
                     {"podCIDRNote", "rktlet writes no CNI configuration: the network add-on does"}};
  info["node"] = Text(node);
  const json cni = {{"confDir", context.config.cni_conf_dir},
                    {"binDirs", context.config.cni_bin_dirs},
                    {"networks", network.networks},
                    {"status", network.json}};
  info["network"] = Text(cni);
  size_t running = 0;
  const auto containers = context.directory.AllContainers();
  for (const pods::ContainerView& container : containers) {
    running += container.running ? 1 : 0;
  }
  const json counts = {{"containers", containers.size()},
                       {"runningContainers", running},
                       {"images", context.images.images().size()},
                       {"pulls", context.puller.running()},
                       {"version", RKTLET_VERSION}};
  info["runtime"] = Text(counts);
  info["pulls"] = Text(Pulls(context));
  info["resources"] = Text(Resources(context));
  if (context.pods != nullptr) {
    const json problems = context.pods->Problems();
    info["problems"] = Text(problems);
    info["startingPods"] = Text(Starts(*context.pods));
  }
}

}  // namespace

Reply<v1::StatusResponse> Status(Context& context, engine::Cancellation, const v1::StatusRequest& request) {
  v1::StatusResponse response;
  const absl::Status ready = context.directory.Ready();
  AddCondition(*response.mutable_status(), "RuntimeReady", ready.ok(), "RuntimeNotReady", std::string(ready.message()));
  const engine::NetworkStatus& network = context.network.status();
  AddCondition(*response.mutable_status(), "NetworkReady", network.ready,
               network.reason.empty() ? "NetworkPluginNotReady" : network.reason, network.message);
  const absl::StatusOr<engine::Features> features = co_await context.engine.GetFeatures();
  if (!features.ok()) {
    base::journal::Warning("What the runtimes can do is not known", {{"STATUS", features.status()}});
  }
  AddHandlers(features.ok() ? *features : engine::Features(), context.config.default_runtime_handler, response);
  response.mutable_features()->set_supplemental_groups_policy(true);
  response.mutable_features()->set_mount_options(base::HasMountSetattr());
  if (request.verbose()) {
    AddInfo(context, network, response);
  }
  co_return response;
}

}  // namespace rktlet::cri
