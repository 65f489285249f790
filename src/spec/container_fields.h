// SPDX-License-Identifier: Apache-2.0
// Field lists of the container document. Private to this folder.
#pragma once

#include "spec/common_fields.h"
#include "spec/container_spec.h"

namespace rktlet::spec {

namespace internal {

template <>
struct EnumNames<MountKind> {
  static constexpr std::pair<MountKind, const char*> kNames[] = {
      {MountKind::kBind, "bind"}, {MountKind::kEmpty, "empty"}, {MountKind::kImage, "image"}};
};

template <>
struct EnumNames<Propagation> {
  static constexpr std::pair<Propagation, const char*> kNames[] = {{Propagation::kPrivate, "private"},
                                                                   {Propagation::kHostToContainer, "host-to-container"},
                                                                   {Propagation::kBidirectional, "bidirectional"}};
};

}  // namespace internal

template <typename Visitor, FieldsOf<EnvironmentVariable> T>
void Fields(Visitor& visit, T& variable) {
  visit("name", variable.name);
  visit("value", variable.value);
}

template <typename Visitor, FieldsOf<Mount> T>
void Fields(Visitor& visit, T& mount) {
  visit("kind", mount.kind);
  visit("name", mount.name);
  visit("host_path", mount.host_path);
  visit("image", mount.image);
  visit("image_sub_path", mount.image_sub_path);
  visit("container_path", mount.container_path);
  visit("read_only", mount.read_only);
  visit("recursive_read_only", mount.recursive_read_only);
  visit("options", mount.options);
  visit("propagation", mount.propagation);
  visit("selinux_relabel", mount.selinux_relabel);
  visit("mode", mount.mode);
  visit("uid", mount.uid);
  visit("gid", mount.gid);
  visit("uid_mappings", mount.uid_mappings);
  visit("gid_mappings", mount.gid_mappings);
}

template <typename Visitor, FieldsOf<Device> T>
void Fields(Visitor& visit, T& device) {
  visit("host_path", device.host_path);
  visit("container_path", device.container_path);
  visit("permissions", device.permissions);
}

template <typename Visitor, FieldsOf<Capabilities> T>
void Fields(Visitor& visit, T& capabilities) {
  visit("add", capabilities.add);
  visit("drop", capabilities.drop);
  visit("add_ambient", capabilities.add_ambient);
}

template <typename Visitor, FieldsOf<ContainerSecurity> T>
void Fields(Visitor& visit, T& security) {
  visit("privileged", security.privileged);
  visit("read_only_root", security.read_only_root);
  visit("no_new_privileges", security.no_new_privileges);
  visit("capabilities", security.capabilities);
  visit("pid", security.pid);
  visit("pid_target", security.pid_target);
  visit("run_as_user", security.run_as_user);
  visit("run_as_username", security.run_as_username);
  visit("run_as_group", security.run_as_group);
  visit("run_as_group_name", security.run_as_group_name);
  visit("supplemental_groups", security.supplemental_groups);
  visit("supplemental_groups_policy", security.supplemental_groups_policy);
  visit("selinux", security.selinux);
  visit("seccomp", security.seccomp);
  visit("apparmor", security.apparmor);
  visit("masked_paths", security.masked_paths);
  visit("readonly_paths", security.readonly_paths);
}

template <typename Visitor, FieldsOf<ContainerSpec> T>
void Fields(Visitor& visit, T& spec) {
  visit("id", spec.id);
  visit("app", spec.app);
  visit("name", spec.name);
  visit("attempt", spec.attempt);
  visit("image", spec.image);
  visit("user_specified_image", spec.user_specified_image);
  visit("command", spec.command);
  visit("args", spec.args);
  visit("working_directory", spec.working_directory);
  visit("environment", spec.environment);
  visit("mounts", spec.mounts);
  visit("devices", spec.devices);
  visit("devices_belong_to_user", spec.devices_belong_to_user);
  visit("without_host_devices", spec.without_host_devices);
  visit("cdi_devices", spec.cdi_devices);
  visit("labels", spec.labels);
  visit("annotations", spec.annotations);
  visit("rkt_annotations", spec.rkt_annotations);
  visit("log_path", spec.log_path);
  visit("stdin_open", spec.stdin_open);
  visit("stdin_once", spec.stdin_once);
  visit("tty", spec.tty);
  visit("stop_signal", spec.stop_signal);
  visit("stop_timeout_usec", spec.stop_timeout_usec);
  visit("resources", spec.resources);
  visit("security", spec.security);
}

}  // namespace rktlet::spec
