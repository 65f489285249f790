// SPDX-License-Identifier: Apache-2.0
#include "spec/container_spec.h"

#include <filesystem>

#include "spec/cdi_names.h"
#include "spec/container_fields.h"

namespace rktlet::spec {
namespace {

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

// A path below some directory: relative, without "..".
bool IsRelativeInside(const std::string& path) {
  if (path.empty() || path[0] == '/' || HasNul(path) || path.size() >= 4096) {
    return false;
  }
  const std::string framed = "/" + path + "/";
  return framed.find("/../") == std::string::npos;
}

void CheckMountSource(Problems& problems, const std::string& where, const Mount& mount) {
  switch (mount.kind) {
    case MountKind::kBind:
      problems.Check(IsAbsolutePath(mount.host_path), where + ".host_path: not an absolute path");
      break;
    case MountKind::kEmpty:
      problems.Check(AppName::Parse(mount.name).ok(), where + ".name: an empty volume needs a name like an app's");
      problems.Check(mount.host_path.empty(), where + ".host_path: an empty volume has none");
      break;
    case MountKind::kImage:
      problems.Check(!mount.image.empty(), where + ".image: missing");
      problems.Check(mount.host_path.empty(), where + ".host_path: a volume from an image has none");
      problems.Check(mount.read_only, where + ".read_only: a volume from an image is always read-only");
      problems.Check(mount.propagation == Propagation::kPrivate,
                     where + ".propagation: a volume from an image is always private");
      problems.Check(mount.image_sub_path.empty() || IsRelativeInside(mount.image_sub_path),
                     where + ".image_sub_path: must be relative and stay inside the image");
      break;
  }
  problems.Check(mount.kind == MountKind::kEmpty || (!mount.mode && !mount.uid && !mount.gid),
                 where + ": mode, uid and gid belong to kind empty");
  problems.Check(mount.kind == MountKind::kImage || (mount.image.empty() && mount.image_sub_path.empty()),
                 where + ": image and image_sub_path belong to kind image");
}

void CheckMount(Problems& problems, size_t index, const Mount& mount) {
  const std::string where = base::StrCat("mounts[", index, "]");
  problems.Check(IsAbsolutePath(mount.container_path), where + ".container_path: not an absolute path");
  problems.Check(std::filesystem::path(mount.container_path).lexically_normal() != "/",
                 where + ".container_path: the root is the image's");
  CheckMountSource(problems, where, mount);
  for (const std::string& option : mount.options) {
    problems.Check(option == "noexec" || option == "nodev" || option == "nosuid",
                   base::StrCat(where, ".options: \"", option, "\" is none of noexec, nodev, nosuid"));
  }
  problems.Check(mount.uid_mappings.empty() == mount.gid_mappings.empty(),
                 where + ": uid_mappings and gid_mappings need each other");
  problems.Check(mount.kind != MountKind::kEmpty || mount.uid_mappings.empty(),
                 where + ".uid_mappings: an empty volume has the pod's");
  CheckIdMappings(problems, where + ".uid_mappings", mount.uid_mappings);
  CheckIdMappings(problems, where + ".gid_mappings", mount.gid_mappings);
  problems.Check(!mount.recursive_read_only || (mount.read_only && mount.propagation == Propagation::kPrivate),
                 where + ".recursive_read_only: needs read_only and private propagation");
}

void CheckDevice(Problems& problems, size_t index, const Device& device) {
  const std::string where = base::StrCat("devices[", index, "]");
  problems.Check(IsAbsolutePath(device.host_path), where + ".host_path: not an absolute path");
  problems.Check(IsAbsolutePath(device.container_path), where + ".container_path: not an absolute path");
  problems.Check(!device.permissions.empty() && device.permissions.find_first_not_of("rwm") == std::string::npos,
                 where + ".permissions: must be of r, w and m");
}

void CheckSecurity(Problems& problems, const ContainerSecurity& security) {
  CheckProfile(problems, "security.seccomp", security.seccomp);
  CheckProfile(problems, "security.apparmor", security.apparmor);
  problems.Check((security.pid == NamespaceMode::kTarget) == !security.pid_target.empty(),
                 "security.pid_target: belongs to pid target, and to no other");
  problems.Check(!security.run_as_user || security.run_as_username.empty(),
                 "security: run_as_user and run_as_username exclude each other");
  problems.Check(!security.run_as_group || security.run_as_user || !security.run_as_username.empty(),
                 "security.run_as_group: needs run_as_user or run_as_username");
  const auto is_id = [](int64_t id) { return id >= 0 && id < (int64_t{1} << 32) - 1; };
  problems.Check(is_id(security.run_as_user.value_or(0)), "security.run_as_user: not a user id");
  problems.Check(is_id(security.run_as_group.value_or(0)), "security.run_as_group: not a group id");
  for (const int64_t group : security.supplemental_groups) {
    problems.Check(is_id(group), base::StrCat("security.supplemental_groups: ", group, " is not a group id"));
  }
  for (const auto* paths : {&security.masked_paths, &security.readonly_paths}) {
    for (const std::string& path : paths->value_or(std::vector<std::string>())) {
      problems.Check(IsAbsolutePath(path), "security: a masked or read-only path is not absolute");
    }
  }
}

}  // namespace

absl::Status Validate(const ContainerSpec& spec) {
  Problems problems;
  problems.Check(!spec.id.empty(), "id: missing");
  problems.Check(!spec.app.empty(), "app: missing");
  problems.Check(!spec.image.empty(), "image: missing");
  problems.Check(IsLine(spec.name), "name: has control characters");
  for (const auto* list : {&spec.command, &spec.args}) {
    for (const std::string& argument : *list) {
      problems.Check(!HasNul(argument), "command, args: an argument has a NUL byte");
    }
  }
  problems.Check(spec.working_directory.empty() || IsAbsolutePath(spec.working_directory),
                 "working_directory: not an absolute path");
  for (const EnvironmentVariable& variable : spec.environment) {
    problems.Check(!variable.name.empty() && variable.name.find('=') == std::string::npos && !HasNul(variable.name),
                   base::StrCat("environment: \"", variable.name, "\" is not a name"));
    problems.Check(!HasNul(variable.value),
                   base::StrCat("environment: the value of ", variable.name, " has a NUL byte"));
  }
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    CheckMount(problems, i, spec.mounts[i]);
  }
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    CheckDevice(problems, i, spec.devices[i]);
  }
  for (size_t i = 0; i < spec.cdi_devices.size(); ++i) {
    const absl::Status name = CheckCdiDeviceName(spec.cdi_devices[i]);
    problems.Check(name.ok(), base::StrCat("cdi_devices[", i, "]: ", name.message()));
  }
  problems.Check(spec.log_path.empty() || IsRelativeInside(spec.log_path),
                 "log_path: must be relative to the pod's log directory and stay inside");
  problems.Check(spec.stop_signal.empty() || SignalNumber(spec.stop_signal).ok(),
                 base::StrCat("stop_signal: \"", spec.stop_signal, "\" is no signal"));
  problems.Check(spec.stop_timeout_usec >= 0, "stop_timeout_usec: negative");
  problems.Check(!spec.stdin_once || spec.stdin_open, "stdin_once: needs stdin_open");
  CheckResources(problems, "resources", spec.resources);
  CheckSecurity(problems, spec.security);
  return problems.ToStatus();
}

absl::StatusOr<ContainerSpec> ParseContainerSpec(const std::string& json) {
  ASSIGN_OR_RETURN(ContainerSpec spec, internal::ReadDocument<ContainerSpec>(json, "container document"));
  RETURN_IF_ERROR(base::Annotate(Validate(spec), "container document"));
  return spec;
}

std::string ToJson(const ContainerSpec& spec) { return internal::WriteDocument(spec); }

}  // namespace rktlet::spec
