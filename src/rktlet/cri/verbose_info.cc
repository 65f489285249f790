// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/verbose_info.h"

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "unit/cgroup.h"
#include "unit/unit_names.h"

namespace rktlet::cri {
namespace {

using nlohmann::json;

// A document that the engine wrote is JSON; a plugin's result is what the plugin wrote.
json ParseOrText(const std::string& text) {
  json parsed = json::parse(text, nullptr, false);
  return parsed.is_discarded() ? json(text) : parsed;
}

std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json NetworkInfo(const spec::NetworkRecord& network) {
  json networks = json::array();
  for (const spec::NetworkAttachment& attachment : network.attachments) {
    networks.push_back({{"name", attachment.name},
                        {"interface", attachment.interface},
                        {"ips", attachment.ips},
                        {"cniResult", ParseOrText(attachment.result)}});
  }
  return {{"state", network.state}, {"networks", std::move(networks)}};
}

// The unit, and where it lies for systemd and for the kernel.
void AddUnit(const spec::PodSpec& pod, const std::string& unit, json& info) {
  const std::string slice = unit::PodSlice(pod);
  info["unit"] = unit;
  info["slice"] = slice;
  info["cgroup"] = unit::Cgroups::ControlGroup(slice, unit);
}

}  // namespace

std::string PodInfoJson(const spec::Layout& layout, const pods::Pod& pod) {
  json info = {{"pid", pod.supervisor_pid},
               {"runtimeHandler", pod.record.spec.runtime_handler},
               {"bootId", pod.record.boot_id},
               {"config", ParseOrText(spec::ToJson(pod.record.spec))}};
  AddUnit(pod.record.spec, pod.record.unit, info);
  if (!pod.ended.empty()) {
    info["ended"] = pod.ended;
  }
  if (pod.network.has_value()) {
    info["network"] = NetworkInfo(*pod.network);
  }
  if (const std::string path = layout.NetworkNamespace(pod.id()); !pod.HostNetwork() && base::Exists(path)) {
    info["networkNamespace"] = path;
  }
  return Dump(info);
}

std::string ContainerInfoJson(const spec::Layout& layout, const pods::Pod* pod, const pods::Container& container) {
  const spec::ContainerRecord& record = container.record;
  json info = {{"sandboxID", container.pod.str()},
               {"pid", container.pid},
               {"argv", record.argv},
               {"warnings", record.warnings},
               {"config", ParseOrText(spec::ToJson(record.spec))}};
  if (pod != nullptr) {
    AddUnit(pod->record.spec, record.unit, info);
  }
  const auto specification = base::ReadFile(layout.AppFile(container.pod, container.app(), spec::kOciConfigFile));
  if (specification.ok()) {
    info["runtimeSpec"] = ParseOrText(*specification);
  }
  if (container.exit.has_value()) {
    info["exit"] = {{"code", container.exit->code},
                    {"signal", container.exit->signal},
                    {"oom", container.exit->oom},
                    {"recordedBy", container.exit->recorded_by}};
  }
  return Dump(info);
}

std::string ImageInfoJson(const engine::Image& image, const std::string& config) {
  return Dump({{"labels", image.labels},
               {"layers", image.layers},
               {"user", image.user},
               {"importTime", image.import_time},
               {"lastUsedTime", image.last_used_time},
               {"imageSpec", ParseOrText(config)}});
}

}  // namespace rktlet::cri
