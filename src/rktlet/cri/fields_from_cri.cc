// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/fields_from_cri.h"

#include <cstdint>
#include <limits>

#include "base/strings.h"
#include "spec/container_spec.h"
#include "spec/runtime_handlers.h"

namespace rktlet::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kLocalhost[] = "localhost/";

std::optional<int64_t> UnlessZero(int64_t value) { return value == 0 ? std::nullopt : std::optional<int64_t>(value); }

}  // namespace

absl::Status WrongField(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(base::StrCat(field, ": ", what));
}

absl::Status UnbuiltField(const std::string& field, const std::string& what) {
  return absl::UnimplementedError(base::StrCat(field, ": ", what, " not implemented by rktlet"));
}

absl::StatusOr<spec::Resources> ResourcesFromCri(const std::string& where, const v1::LinuxContainerResources& cri) {
  spec::Resources resources;
  resources.cpu_period = UnlessZero(cri.cpu_period());
  resources.cpu_quota = UnlessZero(cri.cpu_quota());
  resources.cpu_shares = UnlessZero(cri.cpu_shares());
  resources.memory_limit = UnlessZero(cri.memory_limit_in_bytes());
  resources.memory_swap_limit = UnlessZero(cri.memory_swap_limit_in_bytes());
  if (cri.oom_score_adj() < -1000 || cri.oom_score_adj() > 1000) {
    return WrongField(where + ".oom_score_adj", "must be -1000 to 1000");
  }
  resources.oom_score_adj = cri.oom_score_adj();
  resources.cpuset_cpus = cri.cpuset_cpus();
  resources.cpuset_mems = cri.cpuset_mems();
  for (const v1::HugepageLimit& limit : cri.hugepage_limits()) {
    resources.hugepage_limits.push_back({limit.page_size(), limit.limit()});
  }
  for (const auto& [attribute, value] : cri.unified()) {
    resources.unified.emplace(attribute, value);
  }
  return resources;
}

absl::StatusOr<std::optional<spec::SecurityProfile>> ProfileFromCri(const std::string& where,
                                                                    const v1::SecurityProfile* profile,
                                                                    const std::string& old_where,
                                                                    const std::string& old_profile) {
  spec::SecurityProfile result;
  if (profile != nullptr) {
    switch (profile->profile_type()) {
      case v1::SecurityProfile::RuntimeDefault:
        result.type = spec::ProfileType::kRuntimeDefault;
        break;
      case v1::SecurityProfile::Unconfined:
        result.type = spec::ProfileType::kUnconfined;
        break;
      case v1::SecurityProfile::Localhost:
        result.type = spec::ProfileType::kLocalhost;
        // Users of the older field put the prefix here as well.
        result.localhost_ref = profile->localhost_ref().starts_with(kLocalhost)
                                   ? profile->localhost_ref().substr(sizeof(kLocalhost) - 1)
                                   : profile->localhost_ref();
        if (result.localhost_ref.empty()) {
          return WrongField(where + ".localhost_ref", "missing, with the profile type Localhost");
        }
        return std::optional(result);
      default:
        return WrongField(where + ".profile_type", base::StrCat(int{profile->profile_type()}, " is no profile type"));
    }
    if (!profile->localhost_ref().empty()) {
      return WrongField(where + ".localhost_ref", "belongs to the profile type Localhost only");
    }
    return std::optional(result);
  }
  if (old_profile.empty()) {
    return std::optional<spec::SecurityProfile>();
  }
  if (old_profile == "runtime/default" || old_profile == "docker/default") {
    result.type = spec::ProfileType::kRuntimeDefault;
  } else if (old_profile == "unconfined") {
    result.type = spec::ProfileType::kUnconfined;
  } else if (old_profile.starts_with(kLocalhost) && old_profile.size() > sizeof(kLocalhost) - 1) {
    result.type = spec::ProfileType::kLocalhost;
    result.localhost_ref = old_profile.substr(sizeof(kLocalhost) - 1);
  } else {
    return WrongField(
        old_where, base::StrCat("\"", old_profile, "\" is none of runtime/default, unconfined, localhost/<profile>"));
  }
  return std::optional(result);
}

spec::SelinuxOptions SelinuxFromCri(const v1::SELinuxOption& options) {
  return {options.user(), options.role(), options.type(), options.level()};
}

absl::StatusOr<spec::NamespaceMode> NamespaceModeFromCri(const std::string& where, v1::NamespaceMode mode) {
  switch (mode) {
    case v1::POD:
      return spec::NamespaceMode::kPod;
    case v1::CONTAINER:
      return spec::NamespaceMode::kContainer;
    case v1::NODE:
      return spec::NamespaceMode::kNode;
    case v1::TARGET:
      return spec::NamespaceMode::kTarget;
    default:
      return WrongField(where, base::StrCat(int{mode}, " is no namespace mode"));
  }
}

absl::StatusOr<std::optional<spec::UserNamespace>> UserNamespaceFromCri(const std::string& where,
                                                                        const v1::NamespaceOption& options) {
  if (!options.has_userns_options()) {
    return std::optional<spec::UserNamespace>();
  }
  const v1::UserNamespace& user = options.userns_options();
  switch (user.mode()) {
    case v1::POD:
      return std::optional<spec::UserNamespace>({IdMappingsFromCri(user.uids()), IdMappingsFromCri(user.gids())});
    case v1::NODE:
      if (user.uids_size() > 0 || user.gids_size() > 0) {
        return WrongField(where + ".userns_options", "has mappings, but the mode NODE has no namespace to map in");
      }
      return std::optional<spec::UserNamespace>();
    default:
      return WrongField(where + ".userns_options.mode", "must be POD or NODE");
  }
}

std::vector<spec::IdMapping> IdMappingsFromCri(const google::protobuf::RepeatedPtrField<v1::IDMapping>& mappings) {
  std::vector<spec::IdMapping> result;
  for (const v1::IDMapping& mapping : mappings) {
    result.push_back(
        {.container_id = mapping.container_id(), .host_id = mapping.host_id(), .length = mapping.length()});
  }
  return result;
}

absl::Status CheckId(const std::string& where, int64_t id) {
  if (id < 0 || id >= int64_t{std::numeric_limits<uint32_t>::max()}) {
    return WrongField(where, base::StrCat(id, " is no user or group id"));
  }
  return absl::OkStatus();
}

absl::Status CheckRuntimeHandler(const std::string& where, const std::string& handler) {
  const absl::Status known = spec::RuntimeHandlerName(handler).status();
  return known.ok() ? known : WrongField(where, std::string(known.message()));
}

absl::StatusOr<std::string> SignalFromCri(const std::string& where, v1::Signal signal) {
  if (signal == v1::SIGNAL_RUNTIME_DEFAULT) {
    return std::string();
  }
  // SIGNAL_SIGRTMINPLUS3 → SIGRTMIN+3
  std::string name = v1::Signal_Name(signal);
  constexpr char kPrefix[] = "SIGNAL_";
  if (!name.starts_with(kPrefix)) {
    return WrongField(where, base::StrCat(int{signal}, " is no signal"));
  }
  name = name.substr(sizeof(kPrefix) - 1);
  if (const size_t plus = name.find("PLUS"); plus != std::string::npos) {
    name.replace(plus, 4, "+");
  } else if (const size_t minus = name.find("MINUS"); minus != std::string::npos) {
    name.replace(minus, 5, "-");
  }
  return name;
}

v1::Signal SignalToCri(const std::string& name) {
  const absl::StatusOr<int> number = spec::SignalNumber(name);
  if (!number.ok()) {
    return v1::SIGNAL_RUNTIME_DEFAULT;
  }
  for (int value = v1::Signal_MIN + 1; value <= v1::Signal_MAX; ++value) {
    const absl::StatusOr<std::string> candidate = SignalFromCri("", static_cast<v1::Signal>(value));
    if (!candidate.ok()) {
      continue;
    }
    const absl::StatusOr<int> its_number = spec::SignalNumber(*candidate);
    if (its_number.ok() && *its_number == *number) {
      return static_cast<v1::Signal>(value);
    }
  }
  return v1::SIGNAL_RUNTIME_DEFAULT;
}

}  // namespace rktlet::cri
