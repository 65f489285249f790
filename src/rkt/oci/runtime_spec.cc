// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/runtime_spec.h"

#include "nlohmann/json.hpp"

namespace rkt::oci {
namespace {

using Json = nlohmann::ordered_json;

Json ProcessToJson(const Process& process) {
  Json json;
  json["terminal"] = process.terminal;
  json["user"] = {{"uid", process.user.uid}, {"gid", process.user.gid}};
  if (!process.user.additional_gids.empty()) {
    json["user"]["additionalGids"] = process.user.additional_gids;
  }
  json["args"] = process.args;
  json["env"] = process.env;
  json["cwd"] = process.cwd;
  json["capabilities"] = {{"bounding", process.capabilities.bounding},
                          {"effective", process.capabilities.effective},
                          {"permitted", process.capabilities.permitted},
                          {"inheritable", process.capabilities.inheritable},
                          {"ambient", process.capabilities.ambient}};
  json["noNewPrivileges"] = process.no_new_privileges;
  if (process.oom_score_adj.has_value()) {
    json["oomScoreAdj"] = *process.oom_score_adj;
  }
  if (!process.apparmor_profile.empty()) {
    json["apparmorProfile"] = process.apparmor_profile;
  }
  if (!process.selinux_label.empty()) {
    json["selinuxLabel"] = process.selinux_label;
  }
  return json;
}

Json MappingsToJson(const std::vector<rktlet::spec::IdMapping>& mappings) {
  Json list = Json::array();
  for (const rktlet::spec::IdMapping& mapping : mappings) {
    list.push_back({{"containerID", mapping.container_id}, {"hostID", mapping.host_id}, {"size", mapping.length}});
  }
  return list;
}

Json MountsToJson(const std::vector<RuntimeMount>& mounts) {
  Json list = Json::array();
  for (const RuntimeMount& mount : mounts) {
    list.push_back({{"destination", mount.destination},
                    {"type", mount.type},
                    {"source", mount.source},
                    {"options", mount.options}});
    if (!mount.uid_mappings.empty()) {
      list.back()["uidMappings"] = MappingsToJson(mount.uid_mappings);
      list.back()["gidMappings"] = MappingsToJson(mount.gid_mappings);
    }
  }
  return list;
}

Json DeviceRulesToJson(const std::vector<DeviceRule>& rules) {
  Json list = Json::array();
  for (const DeviceRule& rule : rules) {
    Json entry = {{"allow", rule.allow}, {"access", rule.access}};
    if (!rule.type.empty()) {
      entry["type"] = rule.type;
      entry["major"] = rule.major;
      entry["minor"] = rule.minor;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json LinuxToJson(const RuntimeSpec& spec) {
  Json json;
  json["namespaces"] = Json::array();
  for (const LinuxNamespace& name_space : spec.namespaces) {
    Json entry = {{"type", name_space.type}};
    if (!name_space.path.empty()) {
      entry["path"] = name_space.path;
    }
    json["namespaces"].push_back(std::move(entry));
  }
  if (!spec.uid_mappings.empty()) {
    json["uidMappings"] = MappingsToJson(spec.uid_mappings);
    json["gidMappings"] = MappingsToJson(spec.gid_mappings);
  }
  if (!spec.devices.empty()) {
    json["devices"] = Json::array();
    for (const LinuxDevice& device : spec.devices) {
      json["devices"].push_back({{"path", device.path},
                                 {"type", device.type},
                                 {"major", device.major},
                                 {"minor", device.minor},
                                 {"fileMode", device.file_mode},
                                 {"uid", device.uid},
                                 {"gid", device.gid}});
    }
  }
  if (!spec.cgroups_path.empty()) {
    json["cgroupsPath"] = spec.cgroups_path;
    json["resources"]["devices"] = DeviceRulesToJson(spec.device_rules);
  }
  json["maskedPaths"] = spec.masked_paths;
  json["readonlyPaths"] = spec.readonly_paths;
  json["rootfsPropagation"] = spec.rootfs_propagation;
  if (!spec.mount_label.empty()) {
    json["mountLabel"] = spec.mount_label;
  }
  if (!spec.seccomp_filter.empty() && !spec.seccomp_flags.empty()) {
    // The rules are in the compiled filter; this only carries the flags of seccomp(2).
    json["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"}, {"flags", spec.seccomp_flags}};
  }
  if (!spec.seccomp_rules.empty()) {
    json["seccomp"] = Json::parse(spec.seccomp_rules, nullptr, false);
  }
  return json;
}

Json HooksToJson(const RuntimeHooks& hooks) {
  Json json;
  for (const auto& [name, list] : {std::pair{"prestart", &hooks.prestart},
                                   {"createRuntime", &hooks.create_runtime},
                                   {"createContainer", &hooks.create_container},
                                   {"startContainer", &hooks.start_container}}) {
    for (const rktlet::spec::Hook& hook : *list) {
      Json entry = {{"path", hook.path}};
      entry["args"] = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
      if (!hook.env.empty()) {
        entry["env"] = hook.env;
      }
      if (hook.timeout.has_value()) {
        entry["timeout"] = *hook.timeout;
      }
      json[name].push_back(std::move(entry));
    }
  }
  return json;
}

}  // namespace

std::string ToJson(const RuntimeSpec& spec) {
  Json json;
  json["ociVersion"] = "1.0.2";
  json["root"] = {{"path", spec.root_path}, {"readonly", spec.root_read_only}};
  json["process"] = ProcessToJson(spec.process);
  json["mounts"] = MountsToJson(spec.mounts);
  json["linux"] = LinuxToJson(spec);
  if (!spec.hooks.empty()) {
    json["hooks"] = HooksToJson(spec.hooks);
  }
  Json annotations = Json::object();
  for (const auto& [key, value] : spec.annotations) {
    annotations[key] = value;
  }
  if (!spec.seccomp_filter.empty()) {
    annotations["run.oci.seccomp_bpf_data"] = spec.seccomp_filter;
  }
  if (!annotations.empty()) {
    json["annotations"] = std::move(annotations);
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace rkt::oci
