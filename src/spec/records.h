// SPDX-License-Identifier: Apache-2.0
// What stands in pod and container directories besides the document: what the engine made of it and how it went.
// Formats in docs/state.md. A torn or foreign file is DataLoss, with its path and what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/container_spec.h"
#include "spec/hooks.h"
#include "spec/pod_spec.h"

namespace rktlet::spec {

// pod.json: written by `app prepare`; `app update` changes the resources in it.
struct PodRecord {
  PodSpec spec;
  int64_t created_at = 0;     // ns since the epoch
  std::string boot_id;        // of the boot it was made in: afterwards the pod is not ready
  std::string unit;           // its unit's name
  std::string selinux_level;  // of its containers, "s0:c7,c99"; empty: made without SELinux
};

// A volume that is made from an image. Its image is in use as the container's own is.
struct ImageVolumeRecord {
  std::string container_path;
  std::string image_id;
};

// app.json in the container directory: written by `app add`; `app update` changes the resources in it.
struct ContainerRecord {
  ContainerSpec spec;
  int64_t created_at = 0;
  std::string boot_id;
  std::string unit;
  std::string image_id;   // sha256:…: the configuration's digest
  std::string image_ref;  // by digest, "docker.io/library/busybox@sha256:…"; the id where it has none
  std::vector<ImageVolumeRecord> image_volumes;
  std::string stop_signal;        // effective, "SIGTERM"
  std::vector<std::string> argv;  // effective command line
  int64_t uid = 0;                // effective user
  int64_t gid = 0;
  std::vector<int64_t> supplemental_groups;
  std::string log_path;                     // absolute, or empty
  std::vector<std::string> warnings;        // what could not be done as asked and was not worth refusing
  std::vector<AllowedDevice> device_nodes;  // that its unit lets it use beside those of every container
  // Of its CDI devices, as they were when the container was made: what their specifications say may change meanwhile.
  std::vector<std::string> cdi_mount_sources;  // paths of the node that are mounted in it
  std::vector<Hook> poststart_hooks;           // the other hooks stand in config.json and are the OCI runtime's
};

// exit in the container directory: the durable record, first writer wins.
struct ExitRecord {
  int code = 0;             // exit code; 128+n for a signal
  int signal = 0;           // the signal that ended it, else 0
  int64_t finished_at = 0;  // ns since the epoch
  bool oom = false;         // the kernel's OOM killer ended it
  std::string reason;       // empty: Completed, Error or OOMKilled by the rest; else e.g. "StartError"
  std::string message;
  std::string recorded_by;  // "watcher", "helper", "engine", "recovery"
};

// started in the container directory: written by the supervisor right before the gate is opened.
struct StartedRecord {
  int64_t started_at = 0;
  std::string boot_id;
  int pid = 0;  // in the supervisor's view of the host, 0 if not told
};

// network.json in the pod directory.
struct NetworkAttachment {
  std::string name;              // of the CNI network
  std::string interface;         // in the pod: eth0, …
  std::vector<std::string> ips;  // addresses without prefix length
  std::string config;            // the conflist that was used, as JSON text: DEL must get the same
  std::string result;            // the last plugin's result, as JSON text
};
struct NetworkRecord {
  std::string state;  // "up", "down", "adding", "none" (host network)
  std::vector<NetworkAttachment> attachments;
  std::vector<std::string> bin_dirs;  // where the plugins were found
  std::vector<std::string> ips;       // of the default network first
};

std::string ToJson(const PodRecord& record);
std::string ToJson(const ContainerRecord& record);
std::string ToJson(const ExitRecord& record);
std::string ToJson(const StartedRecord& record);
std::string ToJson(const NetworkRecord& record);

absl::StatusOr<PodRecord> ParsePodRecord(const std::string& json);
absl::StatusOr<ContainerRecord> ParseContainerRecord(const std::string& json);
absl::StatusOr<ExitRecord> ParseExitRecord(const std::string& json);
absl::StatusOr<StartedRecord> ParseStartedRecord(const std::string& json);
absl::StatusOr<NetworkRecord> ParseNetworkRecord(const std::string& json);

}  // namespace rktlet::spec
