// SPDX-License-Identifier: Apache-2.0
#include "spec/records.h"

#include "spec/container_fields.h"
#include "spec/pod_fields.h"

namespace rktlet::spec {

template <typename Visitor, FieldsOf<PodRecord> T>
void Fields(Visitor& visit, T& record) {
  visit("spec", record.spec);
  visit("created_at", record.created_at);
  visit("boot_id", record.boot_id);
  visit("unit", record.unit);
  visit("selinux_level", record.selinux_level);
}

template <typename Visitor, FieldsOf<ImageVolumeRecord> T>
void Fields(Visitor& visit, T& volume) {
  visit("container_path", volume.container_path);
  visit("image_id", volume.image_id);
}

template <typename Visitor, FieldsOf<Hook> T>
void Fields(Visitor& visit, T& hook) {
  visit("path", hook.path);
  visit("args", hook.args);
  visit("env", hook.env);
  visit("timeout", hook.timeout);
}

template <typename Visitor, FieldsOf<AllowedDevice> T>
void Fields(Visitor& visit, T& device) {
  visit("path", device.path);
  visit("permissions", device.permissions);
}

template <typename Visitor, FieldsOf<ContainerRecord> T>
void Fields(Visitor& visit, T& record) {
  visit("spec", record.spec);
  visit("created_at", record.created_at);
  visit("boot_id", record.boot_id);
  visit("unit", record.unit);
  visit("image_id", record.image_id);
  visit("image_ref", record.image_ref);
  visit("image_volumes", record.image_volumes);
  visit("stop_signal", record.stop_signal);
  visit("argv", record.argv);
  visit("uid", record.uid);
  visit("gid", record.gid);
  visit("supplemental_groups", record.supplemental_groups);
  visit("log_path", record.log_path);
  visit("warnings", record.warnings);
  visit("device_nodes", record.device_nodes);
  visit("cdi_mount_sources", record.cdi_mount_sources);
  visit("poststart_hooks", record.poststart_hooks);
}

template <typename Visitor, FieldsOf<ExitRecord> T>
void Fields(Visitor& visit, T& record) {
  visit("code", record.code);
  visit("signal", record.signal);
  visit("finished_at", record.finished_at);
  visit("oom", record.oom);
  visit("reason", record.reason);
  visit("message", record.message);
  visit("recorded_by", record.recorded_by);
}

template <typename Visitor, FieldsOf<StartedRecord> T>
void Fields(Visitor& visit, T& record) {
  visit("started_at", record.started_at);
  visit("boot_id", record.boot_id);
  visit("pid", record.pid);
}

template <typename Visitor, FieldsOf<NetworkAttachment> T>
void Fields(Visitor& visit, T& attachment) {
  visit("name", attachment.name);
  visit("interface", attachment.interface);
  visit("ips", attachment.ips);
  visit("config", attachment.config);
  visit("result", attachment.result);
}

template <typename Visitor, FieldsOf<NetworkRecord> T>
void Fields(Visitor& visit, T& record) {
  visit("state", record.state);
  visit("attachments", record.attachments);
  visit("bin_dirs", record.bin_dirs);
  visit("ips", record.ips);
}

std::string ToJson(const PodRecord& record) { return internal::WriteDocument(record); }
std::string ToJson(const ContainerRecord& record) { return internal::WriteDocument(record); }
std::string ToJson(const ExitRecord& record) { return internal::WriteDocument(record); }
std::string ToJson(const StartedRecord& record) { return internal::WriteDocument(record); }
std::string ToJson(const NetworkRecord& record) { return internal::WriteDocument(record); }

absl::StatusOr<PodRecord> ParsePodRecord(const std::string& json) {
  ASSIGN_OR_RETURN(PodRecord record, internal::ReadDocument<PodRecord>(json, "pod record"));
  RETURN_IF_ERROR(base::Annotate(Validate(record.spec), "pod record"));
  return record;
}
absl::StatusOr<ContainerRecord> ParseContainerRecord(const std::string& json) {
  ASSIGN_OR_RETURN(ContainerRecord record, internal::ReadDocument<ContainerRecord>(json, "container record"));
  RETURN_IF_ERROR(base::Annotate(Validate(record.spec), "container record"));
  return record;
}
absl::StatusOr<ExitRecord> ParseExitRecord(const std::string& json) {
  return internal::ReadDocument<ExitRecord>(json, "exit record");
}
absl::StatusOr<StartedRecord> ParseStartedRecord(const std::string& json) {
  return internal::ReadDocument<StartedRecord>(json, "started record");
}
absl::StatusOr<NetworkRecord> ParseNetworkRecord(const std::string& json) {
  return internal::ReadDocument<NetworkRecord>(json, "network record");
}

}  // namespace rktlet::spec
