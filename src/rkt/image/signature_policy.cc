// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/signature_policy.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/json_depth.h"
#include "nlohmann/json.hpp"

namespace rkt::image {
namespace {

using nlohmann::json;

bool IsAccepting(const json& requirements) {
  const json accepting = {{"type", "insecureAcceptAnything"}};
  return requirements.is_array() && !requirements.empty() &&
         std::all_of(requirements.begin(), requirements.end(), [&](const json& one) { return one == accepting; });
}

// $HOME, which services do not have, or what the user database says.
std::string Home() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return home;
  }
  const passwd* user = ::getpwuid(::getuid());
  return user == nullptr ? "" : user->pw_dir;
}

}  // namespace

std::string SignaturePolicyPath() {
  std::string own = Home() + "/.config/containers/policy.json";
  return rktlet::base::Exists(own) ? own : "/etc/containers/policy.json";
}

bool AcceptsAnything(const std::string& text) {
  if (!rktlet::base::CheckJsonDepth(text).ok()) {
    return false;
  }
  const json policy = json::parse(text, nullptr, false);
  if (!policy.is_object() || !IsAccepting(policy.value("default", json()))) {
    return false;
  }
  const json transports = policy.value("transports", json::object());
  const auto accepts_all_scopes = [](const json& scopes) {
    return scopes.is_object() && std::all_of(scopes.begin(), scopes.end(), IsAccepting);
  };
  return transports.is_object() && std::all_of(transports.begin(), transports.end(), accepts_all_scopes);
}

}  // namespace rkt::image
