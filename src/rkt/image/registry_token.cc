// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/registry_token.h"

#include <algorithm>

#include "base/strings.h"
#include "nlohmann/json.hpp"

namespace rkt::image {
namespace {

// The host of "https://host/v1/", "host:5000/repository" or "host".
std::string_view HostOf(std::string_view key) {
  if (const size_t scheme = key.find("://"); scheme != std::string_view::npos) {
    key.remove_prefix(scheme + 3);
  }
  key = key.substr(0, key.find('/'));
  return key == "index.docker.io" || key == "registry-1.docker.io" ? "docker.io" : key;
}

}  // namespace

absl::StatusOr<std::string> FindRegistryToken(std::string_view auth_file, const std::string& registry) {
  const auto document = nlohmann::json::parse(auth_file, nullptr, false);
  if (!document.is_object() || !document.contains("auths") || !document["auths"].is_object()) {
    return "";
  }
  for (const auto& [key, entry] : document["auths"].items()) {
    if (HostOf(key) != registry || !entry.is_object() || !entry.contains("registrytoken")) {
      continue;
    }
    const auto& value = entry["registrytoken"];
    const std::string token = value.is_string() ? value.get<std::string>() : "";
    if (token.empty() || !std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
      return absl::InvalidArgumentError(rktlet::base::StrCat("the registrytoken for ", registry, " is no token"));
    }
    return token;
  }
  return "";
}

}  // namespace rkt::image
