// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/seccomp_profile.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <limits>

#include "base/json_depth.h"
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

// A list, empty when it is absent or null. What is something else must not be taken for no condition.
const Json::array_t& ListOf(const Json& object, const char* key) {
  static const Json::array_t kEmpty;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? kEmpty : it->get_ref<const Json::array_t&>();
}

// The same of an object.
const Json& ObjectOf(const Json& object, const char* key) {
  static const Json kEmpty = Json::object();
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) {
    return kEmpty;
  }
  static_cast<void>(it->get_ref<const Json::object_t&>());  // throws when it is none
  return *it;
}

// get<T>() would make another number of one that is negative, too large or a fraction.
template <typename T>
T Whole(const Json& number) {
  if (!number.is_number_unsigned() || number.get<uint64_t>() > std::numeric_limits<T>::max()) {
    throw Json::out_of_range::create(406, StrCat(number.dump(), " is no whole number that fits"), &number);
  }
  return number.get<T>();
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
  const Json& includes = ObjectOf(rule, "includes");
  const std::vector<std::string> arches = Strings(includes, "arches");
  if (!arches.empty() && std::find(arches.begin(), arches.end(), facts.architecture) == arches.end()) {
    return false;
  }
  for (const std::string& capability : Strings(includes, "caps")) {
    if (!facts.capabilities.contains(capability)) {
      return false;
    }
  }
  const std::string oldest = includes.value("minKernel", "");
  if (!oldest.empty() && !KernelAtLeast(oldest, facts)) {
    return false;
  }
  const Json& excludes = ObjectOf(rule, "excludes");
  const std::vector<std::string> not_on = Strings(excludes, "arches");
  if (std::find(not_on.begin(), not_on.end(), facts.architecture) != not_on.end()) {
    return false;
  }
  for (const std::string& capability : Strings(excludes, "caps")) {
    if (facts.capabilities.contains(capability)) {
      return false;
    }
  }
  const std::string newest = excludes.value("minKernel", "");
  return newest.empty() || !KernelAtLeast(newest, facts);
}

std::optional<uint32_t> ErrnoRet(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) {
    return std::nullopt;
  }
  return Whole<uint32_t>(*it);
}

SeccompRule ParseRule(const Json& json) {
  SeccompRule rule;
  rule.names = Strings(json, "names");
  if (const std::string name = json.value("name", ""); !name.empty()) {
    rule.names.push_back(name);
  }
  rule.action = json.at("action").get<std::string>();
  rule.errno_ret = ErrnoRet(json, "errnoRet");
  for (const Json& argument : ListOf(json, "args")) {
    const auto second = argument.find("valueTwo");
    rule.arguments.push_back({Whole<uint32_t>(argument.at("index")), Whole<uint64_t>(argument.at("value")),
                              second == argument.end() ? 0 : Whole<uint64_t>(*second),
                              argument.at("op").get<std::string>()});
  }
  return rule;
}

SeccompProfile Parse(const Json& json, const SeccompFacts& facts) {
  SeccompProfile profile;
  profile.default_action = json.at("defaultAction").get<std::string>();
  profile.default_errno_ret = ErrnoRet(json, "defaultErrnoRet");
  profile.architectures = Strings(json, "architectures");
  profile.flags = Strings(json, "flags");
  for (const Json& entry : ListOf(json, "archMap")) {
    if (entry.value("architecture", "") == facts.seccomp_architecture) {
      for (std::string& name : Strings(entry, "subArchitectures")) {
        profile.architectures.push_back(std::move(name));
      }
    }
  }
  for (const Json& rule : ListOf(json, "syscalls")) {
    if (Applies(rule, facts)) {
      profile.rules.push_back(ParseRule(rule));
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
  RETURN_IF_ERROR(rktlet::base::Annotate(rktlet::base::CheckJsonDepth(json), "not a seccomp profile"));
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
