// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/describe.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "rkt/net/network_config.h"
#include "rkt/net/result.h"
#include "rkt/pod/network_namespace.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using nlohmann::json;

constexpr int64_t kSecond = 1'000'000'000;

// The network mask as the original printed it, in dotted form; IPv6 by its prefix length.
std::string MaskOf(const rkt::net::Address& address) {
  if (address.address.find(':') != std::string::npos) {
    return base::StrCat("/", address.prefix_length);
  }
  const uint32_t bits = address.prefix_length == 0 ? 0 : ~uint32_t{0} << (32 - address.prefix_length);
  in_addr mask{};
  mask.s_addr = htonl(bits);
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &mask, text, sizeof(text));
  return text;
}

// Of the plugin that makes the interface, the first of the chain.
std::string PluginPath(const spec::NetworkAttachment& attached, const std::vector<std::string>& bin_dirs) {
  const auto config = rkt::net::ParseNetworkConfig(attached.config);
  return config.ok() ? rkt::net::FindPlugin(bin_dirs, config->plugins[0].type).value_or("") : "";
}

json DescribeNetwork(const spec::NetworkAttachment& attached, const std::vector<std::string>& bin_dirs) {
  json network{{"netName", attached.name},
               {"netConf", ""},
               {"pluginPath", PluginPath(attached, bin_dirs)},
               {"ifName", attached.interface},
               {"ip", ""},
               {"args", ""},
               {"mask", ""},
               {"ips", attached.ips}};
  if (const auto result = rkt::net::ParseResult(attached.result); result.ok()) {
    for (const rkt::net::Address& address : result->addresses) {
      if (address.in_sandbox) {
        network["ip"] = address.address;
        network["mask"] = MaskOf(address);
        break;
      }
    }
  }
  return network;
}

json DescribeNetworks(const spec::PodState& files) {
  json networks = json::array();
  if (files.network.has_value() && files.network->state == "up") {
    for (const spec::NetworkAttachment& attached : files.network->attachments) {
      networks.push_back(DescribeNetwork(attached, files.network->bin_dirs));
    }
  }
  return networks;
}

void AddApps(const spec::Layout& layout, const spec::PodId& pod, json& description,
             std::vector<absl::Status>& problems) {
  description["app_names"] = json::array();
  description["apps"] = json::array();
  const auto names = spec::ListApps(layout, pod);
  const auto boot_id = base::BootId();
  if (!names.ok() || !boot_id.ok()) {
    problems.push_back(names.ok() ? boot_id.status() : names.status());
    return;
  }
  for (const spec::AppName& name : *names) {
    const auto files = spec::ReadContainer(layout, pod, name);
    if (!files.ok() && !base::Exists(layout.App(pod, name))) {
      continue;  // removed meanwhile
    }
    description["app_names"].push_back(name.str());
    if (files.ok()) {
      description["apps"].push_back(DescribeApp(*files, *boot_id));
    } else {
      problems.push_back(base::Annotate(files.status(), base::StrCat("app ", name.str(), " of pod ", pod.str())));
      description["apps"].push_back({{"name", name.str()}, {"state", "unknown"}});
    }
  }
}

void AddRecord(const spec::Layout& layout, const PodView& pod, json& description) {
  const spec::PodState& files = *pod.files;
  const spec::PodSpec& spec = files.record.spec;
  const std::string netns = layout.NetworkNamespace(pod.id);
  description["networks"] = DescribeNetworks(files);
  description["created_at"] = files.record.created_at / kSecond;
  description["user_annotations"] = spec.annotations;
  description["user_labels"] = spec.labels;
  description["annotations"] = spec.rkt_annotations;
  description["hostname"] = spec.hostname;
  description["unit"] = files.record.unit;
  description["log_directory"] = spec.log_directory;
  description["ips"] =
      files.network.has_value() && files.network->state == "up" ? json(files.network->ips) : json::array();
  description["network_namespace"] = IsPinnedNamespace(netns) ? netns : "";
  description["pod_name"] = spec.name;
  description["pod_namespace"] = spec.namespace_;
  description["pod_uid"] = spec.uid;
  description["managed"] = spec.managed;
}

}  // namespace

json DescribeApp(const spec::ContainerState& files, const std::string& boot_id) {
  const spec::ContainerRecord& record = files.record;
  const AppState state = ObserveApp(files, boot_id);
  json mounts = json::array();
  for (const spec::Mount& mount : record.spec.mounts) {
    json entry = {{"name", mount.name},
                  {"container_path", mount.container_path},
                  {"host_path", mount.host_path},
                  {"read_only", mount.read_only}};
    if (mount.kind == spec::MountKind::kImage) {
      entry["image"] = mount.image;
      entry["image_sub_path"] = mount.image_sub_path;
    }
    if (!mount.options.empty()) {
      entry["options"] = mount.options;
    }
    mounts.push_back(std::move(entry));
  }
  return {{"name", record.spec.app.str()},
          {"state", state.state},
          {"created_at", record.created_at},
          {"started_at", state.started_at},
          {"finished_at", state.finished_at},
          {"exit_code", state.exit_code},
          {"image_id", record.image_id},
          {"mounts", mounts},
          {"user_annotations", record.spec.annotations},
          {"user_labels", record.spec.labels},
          {"annotations", record.spec.rkt_annotations},
          {"id", record.spec.id.str()},
          {"unit", record.unit},
          {"pid", state.pid},
          {"signal", state.signal},
          {"reason", state.reason},
          {"message", state.message},
          {"log_path", record.log_path},
          {"image_ref", record.image_ref},
          {"warnings", record.warnings}};
}

json DescribePod(const spec::Layout& layout, const PodView& pod, std::vector<absl::Status>& problems) {
  json description{{"name", pod.id.str()},
                   {"state", pod.state},
                   {"networks", json::array()},
                   {"started_at", pod.started_at / kSecond},
                   {"exited_at", pod.exited_at / kSecond},
                   {"pid", pod.pid}};
  if (!pod.problem.ok()) {
    problems.push_back(base::Annotate(pod.problem, base::StrCat("pod ", pod.id.str())));
    description["message"] = std::string(pod.problem.message());
  }
  if (pod.files.has_value()) {
    AddRecord(layout, pod, description);
  }
  AddApps(layout, pod.id, description, problems);
  return description;
}

}  // namespace rkt::pod
