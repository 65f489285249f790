// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/escaping.h"
#include "rktlet/cri/images.h"
#include "spec/image_reference.h"

namespace rktlet::cri {
namespace {

// Docker's old names of its own registry.
constexpr std::string_view kDockerHub = "docker.io";

// The host of "https://host/v1/", "host:5000" or "host".
std::string HostOf(std::string_view address) {
  if (const size_t scheme = address.find("://"); scheme != std::string_view::npos) {
    address.remove_prefix(scheme + 3);
  }
  const std::string host(address.substr(0, address.find('/')));
  return host == "index.docker.io" || host == "registry-1.docker.io" ? std::string(kDockerHub) : host;
}

// "user:password" in base64, as the file wants it, from whichever form the kubelet used.
absl::StatusOr<std::string> Basic(const v1::AuthConfig& auth) {
  if (!auth.username().empty()) {
    return absl::Base64Escape(auth.username() + ":" + auth.password());
  }
  std::string decoded;
  if (!absl::Base64Unescape(auth.auth(), &decoded) || decoded.find(':') == std::string::npos) {
    return absl::InvalidArgumentError("auth.auth is not \"user:password\" in base64");
  }
  while (decoded.ends_with('\0')) {  // Docker pads with them
    decoded.pop_back();
  }
  return absl::Base64Escape(decoded);
}

}  // namespace

absl::StatusOr<std::string> AuthFile(const v1::AuthConfig& auth, const std::string& reference) {
  if (auth.username().empty() && auth.auth().empty() && auth.identity_token().empty() &&
      auth.registry_token().empty()) {
    if (!auth.password().empty()) {
      return absl::InvalidArgumentError("auth.password without auth.username");
    }
    return "";
  }
  std::string host = HostOf(auth.server_address());
  if (host.empty()) {
    auto parsed = spec::ImageReference::Parse(reference);
    RETURN_IF_ERROR(parsed.status());
    host = parsed->domain();
  }
  nlohmann::json entry = nlohmann::json::object();
  if (!auth.registry_token().empty()) {
    // Nothing is asked for a token then: this is it.
    entry["registrytoken"] = auth.registry_token();
  } else if (!auth.identity_token().empty()) {
    // The client takes the token only beside a user of any name without a password.
    entry["auth"] = absl::Base64Escape((auth.username().empty() ? "<token>" : auth.username()) + ":");
    entry["identitytoken"] = auth.identity_token();
  } else {
    ASSIGN_OR_RETURN(entry["auth"], Basic(auth));
  }
  nlohmann::json file;
  file["auths"][host] = std::move(entry);
  return file.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace rktlet::cri
