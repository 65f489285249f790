// SPDX-License-Identifier: Apache-2.0
// CNI network configurations (the CNI specification, 0.3.1 to 1.1.0): a list of plugins that run one after another. A
// file of a single plugin (.conf) becomes a list of one.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::net {

struct PluginConfig {
  std::string type;                       // the program's name
  std::vector<std::string> capabilities;  // names of runtimeConfig members that it asks for
  nlohmann::json json;                    // as configured, without name and cniVersion of the list
};

struct NetworkConfig {
  std::string name;
  std::string cni_version;
  bool disable_check = false;
  bool disable_gc = false;
  std::vector<PluginConfig> plugins;
  std::string file;  // where it was read, "" when it came from elsewhere
  std::string text;  // a configuration list in one line that ParseNetworkConfig() takes: kept for DEL
};

// Parses either form. InvalidArgument says what is wrong.
absl::StatusOr<NetworkConfig> ParseNetworkConfig(const std::string& text);

struct LoadedNetworks {
  std::vector<NetworkConfig> networks;  // in the lexicographic order of their files
  std::vector<absl::Status> problems;   // one for each file that is not usable, with its name
};

// Reads *.conflist, *.conf and *.json of the directory. A missing directory holds no networks; of two files for one
// name the first counts.
absl::StatusOr<LoadedNetworks> LoadNetworks(const std::string& conf_dir);

// -1, 0 or 1 as version `a` is before, equal to, or after `b`: numbers separated by dots.
int CompareVersions(const std::string& a, const std::string& b);

// The path of a plugin program. NotFound names it and the directories.
absl::StatusOr<std::string> FindPlugin(const std::vector<std::string>& bin_dirs, const std::string& type);

}  // namespace rkt::net
