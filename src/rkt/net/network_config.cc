// SPDX-License-Identifier: Apache-2.0
#include "rkt/net/network_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/json_depth.h"
#include "base/strings.h"

namespace rkt::net {
namespace {

using nlohmann::json;
using rktlet::base::StrCat;

constexpr size_t kMaxConfigSize = size_t{1} << 20;
constexpr char kOldestVersion[] = "0.3.1";
constexpr char kNewestVersion[] = "1.1.0";

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

bool IsNetworkName(const std::string& name) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
  return !name.empty() && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
         std::all_of(name.begin(), name.end(), allowed);
}

absl::StatusOr<std::string> TextMember(const json& object, const char* name, bool required) {
  const auto member = object.find(name);
  if (member == object.end()) {
    return required ? absl::StatusOr<std::string>(Wrong(StrCat(name, " is missing"))) : std::string();
  }
  if (!member->is_string()) {
    return Wrong(StrCat(name, " must be a string"));
  }
  return member->get<std::string>();
}

absl::StatusOr<bool> BoolMember(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) {
    return false;
  }
  if (member->is_boolean()) {
    return member->get<bool>();
  }
  if (*member == "true" || *member == "false") {  // seen in the wild, and taken by other runtimes
    return *member == "true";
  }
  return Wrong(StrCat(name, " must be true or false"));
}

absl::StatusOr<PluginConfig> ParsePlugin(const json& object) {
  if (!object.is_object()) {
    return Wrong("a plugin must be an object");
  }
  PluginConfig plugin;
  ASSIGN_OR_RETURN(plugin.type, TextMember(object, "type", true));
  if (plugin.type.empty() || plugin.type.find('/') != std::string::npos || plugin.type[0] == '.') {
    return Wrong(StrCat("plugin type \"", plugin.type, "\" is not the name of a program"));
  }
  if (const auto capabilities = object.find("capabilities"); capabilities != object.end()) {
    if (!capabilities->is_object()) {
      return Wrong(StrCat("plugin ", plugin.type, ": capabilities must be an object"));
    }
    for (const auto& [name, wanted] : capabilities->items()) {
      if (wanted.is_boolean() && wanted.get<bool>()) {
        plugin.capabilities.push_back(name);
      }
    }
  }
  plugin.json = object;
  return plugin;
}

// A single plugin as a list of one.
json AsList(const json& config) {
  if (config.contains("plugins")) {
    return config;
  }
  json list{{"plugins", json::array({config})}};
  for (const char* member : {"name", "cniVersion"}) {
    if (config.contains(member)) {
      list[member] = config[member];
    }
  }
  return list;
}

bool IsConfigFile(const std::string& name) {
  const auto ends_with = [&name](std::string_view suffix) {
    return name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
  };
  return ends_with(".conflist") || ends_with(".conf") || ends_with(".json");
}

}  // namespace

int CompareVersions(const std::string& a, const std::string& b) {
  const std::vector<std::string> left = absl::StrSplit(a, '.');
  const std::vector<std::string> right = absl::StrSplit(b, '.');
  for (size_t index = 0; index < std::max(left.size(), right.size()); ++index) {
    const long first = index < left.size() ? std::strtol(left[index].c_str(), nullptr, 10) : 0;
    const long second = index < right.size() ? std::strtol(right[index].c_str(), nullptr, 10) : 0;
    if (first != second) {
      return first < second ? -1 : 1;
    }
  }
  return 0;
}

absl::StatusOr<NetworkConfig> ParseNetworkConfig(const std::string& text) {
  RETURN_IF_ERROR(rktlet::base::CheckJsonDepth(text));
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return Wrong("not a JSON object");
  }
  const json list = AsList(parsed);
  NetworkConfig config;
  ASSIGN_OR_RETURN(config.name, TextMember(list, "name", true));
  if (!IsNetworkName(config.name)) {
    return Wrong(StrCat("name \"", config.name, "\" is not a network name"));
  }
  ASSIGN_OR_RETURN(config.cni_version, TextMember(list, "cniVersion", false));
  if (config.cni_version.empty()) {
    return Wrong("cniVersion is missing");
  }
  if (CompareVersions(config.cni_version, kOldestVersion) < 0 ||
      CompareVersions(config.cni_version, kNewestVersion) > 0) {
    return Wrong(
        StrCat("cniVersion ", config.cni_version, " is not between ", kOldestVersion, " and ", kNewestVersion));
  }
  ASSIGN_OR_RETURN(config.disable_check, BoolMember(list, "disableCheck"));
  ASSIGN_OR_RETURN(config.disable_gc, BoolMember(list, "disableGC"));
  const json& plugins = list["plugins"];
  if (!plugins.is_array() || plugins.empty()) {
    return Wrong("plugins must be a list of at least one");
  }
  for (const json& object : plugins) {
    ASSIGN_OR_RETURN(PluginConfig plugin, ParsePlugin(object));
    config.plugins.push_back(std::move(plugin));
  }
  config.text = list.dump(-1, ' ', false, json::error_handler_t::replace);
  RETURN_IF_ERROR(rktlet::base::CheckJsonDepth(config.text));  // a list made of one plugin is deeper
  return config;
}

absl::StatusOr<LoadedNetworks> LoadNetworks(const std::string& conf_dir) {
  LoadedNetworks loaded;
  const auto names = rktlet::base::ListDirectory(conf_dir);  // sorted
  if (absl::IsNotFound(names.status())) {
    return loaded;
  }
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    if (!IsConfigFile(name)) {
      continue;
    }
    const std::string path = StrCat(conf_dir, "/", name);
    const auto text = rktlet::base::ReadFile(path, kMaxConfigSize);
    if (!text.ok()) {
      loaded.problems.push_back(text.status());
      continue;
    }
    auto config = ParseNetworkConfig(*text);
    if (!config.ok()) {
      loaded.problems.push_back(rktlet::base::Annotate(config.status(), path));
      continue;
    }
    const bool known = std::any_of(loaded.networks.begin(), loaded.networks.end(),
                                   [&config](const NetworkConfig& other) { return other.name == config->name; });
    if (known) {
      loaded.problems.push_back(absl::AlreadyExistsError(
          StrCat(path, ": network ", config->name, " is configured in an earlier file already")));
      continue;
    }
    config->file = path;
    loaded.networks.push_back(*std::move(config));
  }
  return loaded;
}

absl::StatusOr<std::string> FindPlugin(const std::vector<std::string>& bin_dirs, const std::string& type) {
  for (const std::string& directory : bin_dirs) {
    const std::string path = StrCat(directory, "/", type);
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0) {
      return path;
    }
  }
  return absl::NotFoundError(StrCat("CNI plugin ", type, " is not in ", absl::StrJoin(bin_dirs, ", ")));
}

}  // namespace rkt::net
