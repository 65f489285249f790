// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/app_add_flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/strings.h"
#include "spec/cdi_names.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::ContainerSecurity;
using rktlet::spec::ContainerSpec;
using rktlet::spec::MountKind;
using rktlet::spec::ProfileType;

constexpr char kLogPathAnnotation[] = "coreos.com/rkt/experiment/kubernetes-log-path";

std::vector<std::string> SplitCommas(const std::vector<std::string>& values) {
  std::vector<std::string> parts;
  for (const std::string& value : values) {
    for (size_t begin = 0; begin <= value.size();) {
      const size_t end = std::min(value.find(',', begin), value.size());
      if (end > begin) {
        parts.push_back(value.substr(begin, end - begin));
      }
      begin = end + 1;
    }
  }
  return parts;
}

// "docker.io/library/Nginx:1.14@sha256:…" → "nginx": the name of an app that was given none.
std::string NameOfImage(const std::string& image) {
  std::string name = image.substr(0, image.find('@'));
  name = name.substr(name.rfind('/') + 1);
  name = name.substr(0, name.find(':'));
  std::string clean;
  for (char c : name) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      clean.push_back(c);
    } else if (!clean.empty() && clean.back() != '-') {
      clean.push_back('-');
    }
  }
  while (!clean.empty() && clean.back() == '-') {
    clean.pop_back();
  }
  return clean;
}

absl::Status Set(rktlet::spec::Mount& mount, const std::string& key, const std::string& value) {
  if (key == "name") {
    mount.name = value;
  } else if (key == "kind" && (value == "host" || value == "empty" || value == "image")) {
    mount.kind = value == "host" ? MountKind::kBind : value == "empty" ? MountKind::kEmpty : MountKind::kImage;
  } else if (key == "source") {
    mount.host_path = value;
  } else if (key == "target") {
    mount.container_path = value;
  } else if (key == "subPath") {
    mount.image_sub_path = value;
  } else if (key == "readOnly") {
    ASSIGN_OR_RETURN(mount.read_only, ParseBool(value));
  } else if (key == "noexec" || key == "nodev" || key == "nosuid") {
    ASSIGN_OR_RETURN(const bool wanted, ParseBool(value));
    std::erase(mount.options, key);
    if (wanted) {
      mount.options.push_back(key);
    }
  } else if (key == "recursive") {
    ASSIGN_OR_RETURN(const bool recursive, ParseBool(value));
    if (!recursive) {
      return UsageError("--mnt-volume: recursive=false is not supported: mounts below the source always come along");
    }
  } else if (key == "mode") {
    uint32_t mode = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), mode, 8);
    if (error != std::errc() || end != value.data() + value.size() || mode > 07777) {
      return UsageError(StrCat("--mnt-volume: mode ", value, " is no octal mode"));
    }
    mount.mode = mode;
  } else if (key == "uid" || key == "gid") {
    ASSIGN_OR_RETURN(const int64_t id, ParseInt(value));
    if (id < 0 || id > std::numeric_limits<uint32_t>::max() - 1) {
      return UsageError(StrCat("--mnt-volume: ", key, "=", value, " is no ", key));
    }
    (key == "uid" ? mount.uid : mount.gid) = static_cast<uint32_t>(id);
  } else {
    return UsageError(StrCat("--mnt-volume: unknown \"", key, "=", value, "\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> ParseMemory(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string suffix = end;
  double factor = 1;
  const bool binary = suffix.size() == 2 && suffix[1] == 'i';
  if (!suffix.empty() && (suffix.size() == 1 || binary)) {
    const std::string_view units = "KMGT";
    const char unit = static_cast<char>(std::toupper(static_cast<unsigned char>(suffix[0])));
    const size_t power = units.find(unit);
    if (power != std::string_view::npos) {
      // As in Kubernetes: K, M, G are powers of 1000, Ki, Mi, Gi of 1024.
      factor = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
      suffix.clear();
    }
  }
  if (end == text.c_str() || !suffix.empty() || !(number > 0) || number * factor > 9e18) {
    return UsageError(StrCat("\"", text, "\" is no amount of memory (128Mi, 1G)"));
  }
  return static_cast<int64_t>(number * factor);
}

absl::StatusOr<int64_t> ParseCpuQuota(const std::string& text) {
  char* end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  if (end != text.c_str() && std::string_view(end) == "m") {
    number /= 1000;
    ++end;
  }
  if (end == text.c_str() || *end != '\0' || !(number > 0) || number > 1e6) {
    return UsageError(StrCat("\"", text, "\" is no amount of CPU (500m, 2)"));
  }
  return std::max<int64_t>(1000, std::llround(number * 100'000));
}

// The original made filters of sets and names of system calls; here a filter is one of two that are known, or a file.
absl::StatusOr<rktlet::spec::SecurityProfile> ParseSeccomp(const std::string& text) {
  std::string mode;
  std::string set;
  for (const std::string& part : SplitCommas({text})) {
    if (part.starts_with("mode=")) {
      mode = part.substr(5);
    } else if (set.empty() && (part.front() == '@' || part.front() == '/')) {
      set = part;
    } else {
      return UsageError(StrCat("--seccomp: \"", part,
                               "\" is not supported: lists of system calls and errno= stand in a "
                               "profile, whose absolute path is given here"));
    }
  }
  const bool retain = mode.empty() || mode == "retain";
  const bool remove = mode.empty() || mode == "remove";
  if (!retain && !remove) {
    return UsageError(StrCat("--seccomp: mode=", mode, " is neither retain nor remove"));
  }
  if (set.starts_with('/')) {
    if (!mode.empty()) {
      return UsageError("--seccomp: a profile says itself what it retains: no mode= beside it");
    }
    return rktlet::spec::SecurityProfile{ProfileType::kLocalhost, set};
  }
  const bool default_whitelist = set == "@docker/default-whitelist" || set == "@rkt/default-whitelist";
  const bool default_blacklist = set == "@docker/default-blacklist" || set == "@rkt/default-blacklist";
  if (text.empty() || (retain && default_whitelist) || (remove && default_blacklist)) {
    return rktlet::spec::SecurityProfile{ProfileType::kRuntimeDefault, ""};
  }
  if ((retain && set == "@appc.io/all") || (remove && set == "@appc.io/empty")) {
    return rktlet::spec::SecurityProfile{ProfileType::kUnconfined, ""};
  }
  return UsageError(StrCat("--seccomp=", text,
                           " is not supported: retain @rkt/default-whitelist or @appc.io/all, remove "
                           "@rkt/default-blacklist or @appc.io/empty, or give the absolute path of a profile"));
}

absl::StatusOr<rktlet::spec::Mount> ParseVolume(const std::string& text) {
  rktlet::spec::Mount mount;
  bool writable = false;
  for (const std::string& part : SplitCommas({text})) {
    const auto pair = ParseKeyValue(part);
    const absl::Status set = pair.ok() ? Set(mount, pair->first, pair->second) : pair.status();
    if (!set.ok()) {
      return UsageError(StrCat("--mnt-volume=", text, ": ", part, ": ", set.message()));
    }
    writable = pair->first == "readOnly" ? !mount.read_only : writable;
  }
  if (mount.kind == MountKind::kImage) {
    if (writable) {
      return UsageError(StrCat("--mnt-volume=", text, ": a volume from an image is always read-only"));
    }
    mount.read_only = true;
    mount.image = std::exchange(mount.host_path, {});
    if (mount.image.empty()) {
      return UsageError(StrCat("--mnt-volume=", text, ": no source: the image"));
    }
  } else if (!mount.image_sub_path.empty()) {
    return UsageError(StrCat("--mnt-volume=", text, ": subPath belongs to kind=image"));
  }
  if (mount.container_path.empty()) {
    return UsageError(StrCat("--mnt-volume=", text, ": no target"));
  }
  return mount;
}

void LimitFlags::Define(FlagSet& flags) {
  flags.String("memory", "SIZE", &memory_, "Memory limit (128Mi)")
      .String("cpu", "CPUS", &cpu_, "CPU limit (500m)")
      .Int("cpu-shares", "N", &cpu_shares_, "CPU weight, 2 to 262144")
      .Int("oom-score-adj", "N", &oom_score_adj_, "How soon the kernel ends it when memory is short, -1000 to 1000");
}

void AppAddFlags::Define(FlagSet& flags) {
  limits_.Define(flags);
  flags.String("name", "NAME", &name_, "Name of the app; else that of the image")
      .String("exec", "PROGRAM", &exec_, "Program to run instead of the image's")
      .String("working-dir", "DIR", &working_dir_, "Working directory instead of the image's")
      .Bool("readonly-rootfs", &readonly_rootfs_, "Mount the root file system read-only")
      .String("user", "USER", &user_, "User, by name or number")
      .String("group", "GROUP", &group_, "Group, by name or number")
      .List("supplementary-gids", "GID", &supplementary_gids_, "Further groups, by number")
      .List("environment", "K=V", &environment_, "Environment variable")
      .KeyValues("annotation", &annotations_, "Annotation for the engine")
      .KeyValues("user-annotation", &user_annotations_, "Annotation of the app")
      .KeyValues("user-label", &user_labels_, "Label of the app")
      .List("mnt-volume", "name=,kind=host|empty|image,source=,target=,readOnly=", &volumes_,
            "Volume and where it is mounted")
      .Bool("map-ids", &map_ids_, "Show the files of its host volumes as those of the pod's user namespace")
      .List("cdi-device", "VENDOR/CLASS=NAME", &cdi_devices_, "Device of the Container Device Interface, repeatable")
      .List("caps-retain", "CAP,…", &caps_retain_, "Capabilities that it has, and no others")
      .List("caps-remove", "CAP,…", &caps_remove_, "Capabilities that it has not")
      .String("seccomp", "[mode=retain|remove,]@SET|FILE", &seccomp_,
              "System call filter: @rkt/default-whitelist (default), @appc.io/all (none), or a file with a profile")
      .String("stdin", "null|stream|tty|interactive", &stdin_, "Where its input comes from")
      .String("stdout", "log|stream|tty", &stdout_, "Where its output goes")
      .String("stderr", "log|stream|tty", &stderr_, "Where its errors go");
}

absl::Status AppAddFlags::SetIdentity(const std::string& image, ContainerSpec& spec) const {
  spec.id = rktlet::spec::ContainerId::MakeHex();
  spec.image = image;
  spec.user_specified_image = image;
  ASSIGN_OR_RETURN(spec.app, rktlet::spec::AppName::Parse(name_.empty() ? NameOfImage(image) : name_));
  spec.name = spec.app.str();
  spec.labels = user_labels_;
  spec.annotations = user_annotations_;
  spec.rkt_annotations = annotations_;
  if (const auto it = annotations_.find(kLogPathAnnotation); it != annotations_.end()) {
    spec.log_path = it->second;
  }
  return absl::OkStatus();
}

absl::Status AppAddFlags::SetUser(ContainerSecurity& security) const {
  if (!user_.empty()) {
    if (const auto number = ParseInt(user_); number.ok()) {
      security.run_as_user = *number;
    } else {
      security.run_as_username = user_;
    }
  }
  if (!group_.empty()) {
    if (const auto number = ParseInt(group_); number.ok()) {
      security.run_as_group = *number;
    } else {
      security.run_as_group_name = group_;
    }
  }
  for (const std::string& text : SplitCommas(supplementary_gids_)) {
    const auto gid = ParseInt(text);
    if (!gid.ok() || *gid < 0) {
      return UsageError(StrCat("--supplementary-gids: \"", text, "\" is no number of a group"));
    }
    security.supplemental_groups.push_back(*gid);
  }
  return absl::OkStatus();
}

absl::Status AppAddFlags::SetSecurity(const Context& context, ContainerSecurity& security) const {
  security.read_only_root = readonly_rootfs_;
  if (!caps_retain_.empty() && !caps_remove_.empty()) {
    return UsageError("--caps-retain and --caps-remove exclude each other");
  }
  if (!caps_retain_.empty()) {
    security.capabilities.drop = {"ALL"};
    security.capabilities.add = SplitCommas(caps_retain_);
  }
  security.capabilities.drop.insert(security.capabilities.drop.end(), caps_remove_.begin(), caps_remove_.end());
  security.capabilities.drop = SplitCommas(security.capabilities.drop);
  if (context.Insecure("capabilities")) {
    security.capabilities = {{"ALL"}, {}, {}};
  }
  ASSIGN_OR_RETURN(security.seccomp, ParseSeccomp(seccomp_));
  if (context.Insecure("seccomp")) {
    security.seccomp = {};
  }
  // AppArmor's default profile keeps the paths of /proc and /sys, as the original did by mounts.
  if (!context.Insecure("paths")) {
    security.apparmor.type = ProfileType::kRuntimeDefault;
  }
  return absl::OkStatus();
}

absl::Status AppAddFlags::SetStreams(ContainerSpec& spec) const {
  for (const auto& [flag, value] : {std::pair{"stdin", stdin_}, {"stdout", stdout_}, {"stderr", stderr_}}) {
    const bool input = flag == std::string_view("stdin");
    if (value == "tty" || value == "interactive") {
      spec.tty = true;
      spec.stdin_open = spec.stdin_open || input;
    } else if (value == "stream") {
      spec.stdin_open = spec.stdin_open || input;
    } else if (!value.empty() && value != (input ? "null" : "log")) {
      return UsageError(StrCat("--", flag, "=", value, " is not supported: ",
                               input ? "null, stream, tty or interactive" : "log, stream or tty", " is"));
    }
  }
  return absl::OkStatus();
}

absl::Status LimitFlags::SetResources(rktlet::spec::Resources& resources) const {
  if (!memory_.empty()) {
    ASSIGN_OR_RETURN(resources.memory_limit, ParseMemory(memory_));
  }
  if (!cpu_.empty()) {
    ASSIGN_OR_RETURN(resources.cpu_quota, ParseCpuQuota(cpu_));
    resources.cpu_period = 100'000;
  }
  resources.cpu_shares = cpu_shares_;
  resources.oom_score_adj = oom_score_adj_;
  return absl::OkStatus();
}

absl::Status AppAddFlags::MapVolumes(const std::optional<rktlet::spec::UserNamespace>& user_namespace,
                                     ContainerSpec& spec) const {
  if (!map_ids_) {
    return absl::OkStatus();
  }
  if (!user_namespace.has_value()) {
    return UsageError("--map-ids: the pod has no user namespace");
  }
  for (rktlet::spec::Mount& mount : spec.mounts) {
    if (mount.kind == MountKind::kBind) {
      mount.uid_mappings = user_namespace->uids;
      mount.gid_mappings = user_namespace->gids;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ContainerSpec> AppAddFlags::ToSpec(const Context& context, const std::string& image,
                                                  const std::vector<std::string>& arguments) const {
  ContainerSpec spec;
  RETURN_IF_ERROR(SetIdentity(image, spec));
  if (!exec_.empty()) {
    spec.command = {exec_};
  }
  spec.args = arguments;
  spec.working_directory = working_dir_;
  for (const std::string& variable : environment_) {
    auto pair = ParseKeyValue(variable);
    if (!pair.ok()) {
      return UsageError("--environment: a variable is not of the form NAME=VALUE");  // its value may be a secret
    }
    spec.environment.push_back({pair->first, pair->second});
  }
  for (const std::string& volume : volumes_) {
    ASSIGN_OR_RETURN(rktlet::spec::Mount mount, ParseVolume(volume));
    spec.mounts.push_back(std::move(mount));
  }
  for (const std::string& device : cdi_devices_) {
    if (const absl::Status name = rktlet::spec::CheckCdiDeviceName(device); !name.ok()) {
      return UsageError(StrCat("--cdi-device: ", name.message()));
    }
    spec.cdi_devices.push_back(device);
  }
  RETURN_IF_ERROR(SetUser(spec.security));
  RETURN_IF_ERROR(SetSecurity(context, spec.security));
  RETURN_IF_ERROR(SetStreams(spec));
  RETURN_IF_ERROR(limits_.SetResources(spec.resources));
  return spec;
}

}  // namespace rkt::cli
