// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/seccomp_profile.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "nlohmann/json.hpp"

namespace rkt::oci {
namespace {

using Json = nlohmann::json;
using rktlet::base::StrCat;

std::vector<std::string> Strings(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) {
    return {};
  }
  return it->get<std::vector<std::string>>();
}

bool KernelAtLeast(const std::string& minimum, const SeccompFacts& facts) {
  int major = 0;
  int minor = 0;
  if (sscanf(minimum.c_str(), "%d.%d", &major, &minor) < 1) {
    return false;
  }
  return facts.kernel_major > major || (facts.kernel_major == major && facts.kernel_minor >= minor);
}

// All of the named conditions hold; a key that is absent is none.
bool Applies(const Json& rule, const SeccompFacts& facts) {
  if (const auto it = rule.find("includes"); it != rule.end() && it->is_object()) {
    const std::vector<std::string> arches = Strings(*it, "arches");
    if (!arches.empty() && std::find(arches.begin(), arches.end(), facts.architecture) == arches.end()) {
      return false;
    }
    for (const std::string& capability : Strings(*it, "caps")) {
      if (!facts.capabilities.contains(capability)) {
        return false;
      }
    }
    const std::string minimum = it->value("minKernel", "");
    if (!minimum.empty() && !KernelAtLeast(minimum, facts)) {
      return false;
    }
  }
  if (const auto it = rule.find("excludes"); it != rule.end() && it->is_object()) {
    const std::vector<std::string> arches = Strings(*it, "arches");
    if (std::find(arches.begin(), arches.end(), facts.architecture) != arches.end()) {
      return false;
    }
    for (const std::string& capability : Strings(*it, "caps")) {
      if (facts.capabilities.contains(capability)) {
        return false;
      }
    }
    const std::string minimum = it->value("minKernel", "");
    if (!minimum.empty() && KernelAtLeast(minimum, facts)) {
      return false;
    }
  }
  return true;
}

std::optional<uint32_t> ErrnoRet(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) {
    return std::nullopt;
  }
  return it->get<uint32_t>();
}

SeccompRule ParseRule(const Json& json) {
  SeccompRule rule;
  rule.names = Strings(json, "names");
  if (const std::string name = json.value("name", ""); !name.empty()) {
    rule.names.push_back(name);
  }
  rule.action = json.at("action").get<std::string>();
  rule.errno_ret = ErrnoRet(json, "errnoRet");
  if (const auto it = json.find("args"); it != json.end() && it->is_array()) {
    for (const Json& argument : *it) {
      rule.arguments.push_back({argument.at("index").get<uint32_t>(), argument.at("value").get<uint64_t>(),
                                argument.value("valueTwo", uint64_t{0}), argument.at("op").get<std::string>()});
    }
  }
  return rule;
}

SeccompProfile Parse(const Json& json, const SeccompFacts& facts) {
  SeccompProfile profile;
  profile.default_action = json.at("defaultAction").get<std::string>();
  profile.default_errno_ret = ErrnoRet(json, "defaultErrnoRet");
  profile.architectures = Strings(json, "architectures");
  profile.flags = Strings(json, "flags");
  if (const auto it = json.find("archMap"); it != json.end() && it->is_array()) {
    for (const Json& entry : *it) {
      if (entry.value("architecture", "") == facts.seccomp_architecture) {
        for (std::string& name : Strings(entry, "subArchitectures")) {
          profile.architectures.push_back(std::move(name));
        }
      }
    }
  }
  if (const auto it = json.find("syscalls"); it != json.end() && it->is_array()) {
    for (const Json& rule : *it) {
      if (Applies(rule, facts)) {
        profile.rules.push_back(ParseRule(rule));
      }
    }
  }
  return profile;
}

}  // namespace

SeccompFacts HostSeccompFacts() {
  SeccompFacts facts;
  struct utsname name = {};
  uname(&name);
  sscanf(name.release, "%d.%d", &facts.kernel_major, &facts.kernel_minor);
#if defined(__x86_64__)
  facts.architecture = "amd64";
  facts.seccomp_architecture = "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
  facts.architecture = "arm64";
  facts.seccomp_architecture = "SCMP_ARCH_AARCH64";
#elif defined(__arm__)
  facts.architecture = "arm";
  facts.seccomp_architecture = "SCMP_ARCH_ARM";
#elif defined(__i386__)
  facts.architecture = "386";
  facts.seccomp_architecture = "SCMP_ARCH_X86";
#elif defined(__powerpc64__)
  facts.architecture = "ppc64le";
  facts.seccomp_architecture = "SCMP_ARCH_PPC64LE";
#elif defined(__s390x__)
  facts.architecture = "s390x";
  facts.seccomp_architecture = "SCMP_ARCH_S390X";
#elif defined(__riscv)
  facts.architecture = "riscv64";
  facts.seccomp_architecture = "SCMP_ARCH_RISCV64";
#else
  facts.architecture = name.machine;
#endif
  return facts;
}

absl::StatusOr<SeccompProfile> ParseSeccompProfile(const std::string& json, const SeccompFacts& facts) {
  SeccompProfile profile;
  try {
    profile = Parse(Json::parse(json), facts);
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(StrCat("not a seccomp profile: ", error.what()));
  }
  for (const SeccompRule& rule : profile.rules) {
    if (rule.action == "SCMP_ACT_NOTIFY") {
      return absl::UnimplementedError("seccomp profiles with SCMP_ACT_NOTIFY (a listener) are not supported");
    }
  }
  return profile;
}

std::string SeccompToOci(const SeccompProfile& profile) {
  Json json = {{"defaultAction", profile.default_action}, {"architectures", profile.architectures}};
  if (profile.default_errno_ret.has_value()) {
    json["defaultErrnoRet"] = *profile.default_errno_ret;
  }
  if (!profile.flags.empty()) {
    json["flags"] = profile.flags;
  }
  json["syscalls"] = Json::array();
  for (const SeccompRule& rule : profile.rules) {
    Json entry = {{"names", rule.names}, {"action", rule.action}};
    if (rule.errno_ret.has_value()) {
      entry["errnoRet"] = *rule.errno_ret;
    }
    for (const SeccompArgument& argument : rule.arguments) {
      entry["args"].push_back({{"index", argument.index},
                               {"value", argument.value},
                               {"valueTwo", argument.value_two},
                               {"op", argument.op}});
    }
    json["syscalls"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rkt::oci
