// SPDX-License-Identifier: Apache-2.0
// What a container is: the document that `rkt app add --config=-` takes and that stays in the container directory.
// Field by field in docs/config-documents.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/ids.h"
#include "spec/resources.h"
#include "spec/security.h"

namespace rktlet::spec {

struct EnvironmentVariable {
  std::string name;
  std::string value;  // any bytes but NUL; a secret: never in argv, a unit file or a log
  bool operator==(const EnvironmentVariable&) const = default;
};

enum class MountKind : uint8_t {
  kBind,
  kEmpty,  // a directory of the pod's own, made on demand and removed with it
  kImage   // what an image of the store holds, read-only
};
enum class Propagation : uint8_t { kPrivate, kHostToContainer, kBidirectional };

struct Mount {
  MountKind kind = MountKind::kBind;
  std::string name;            // of an kEmpty volume: containers that name the same one share it
  std::string host_path;       // absolute; must exist (kBind)
  std::string image;           // of a kImage volume: id or reference as known to the image store
  std::string image_sub_path;  // of a kImage volume: a directory in it; relative, without ".."; empty: all of it
  std::string container_path;  // absolute
  bool read_only = false;      // always of a kImage volume
  bool recursive_read_only = false;
  std::vector<std::string> options;  // "noexec", "nodev", "nosuid": of mounts below the source as well
  Propagation propagation = Propagation::kPrivate;
  bool selinux_relabel = false;
  std::optional<uint32_t> mode;  // of a kEmpty volume's directory
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::vector<IdMapping> uid_mappings;  // whose the files of a kBind are inside; empty: as on the node
  std::vector<IdMapping> gid_mappings;
  bool operator==(const Mount&) const = default;
};

struct Device {
  std::string host_path;
  std::string container_path;
  std::string permissions;  // of "r", "w", "m"
  bool operator==(const Device&) const = default;
};

struct ContainerSpec {
  ContainerId id;
  AppName app;           // the directory's name; rktlet: the id
  std::string name;      // CRI metadata; by hand: the app's name
  uint32_t attempt = 0;  // CRI metadata

  std::string image;                             // id or reference as known to the image store
  std::string user_specified_image;              // what the user wrote, for status only
  std::vector<std::string> command;              // replaces the image's entrypoint (and its cmd)
  std::vector<std::string> args;                 // replaces the image's cmd
  std::string working_directory;                 // empty: the image's, else "/"
  std::vector<EnvironmentVariable> environment;  // on top of the image's
  std::vector<Mount> mounts;
  std::vector<Device> devices;
  bool devices_belong_to_user = false;   // nodes of `devices` get the container's user and group, not the node's own
  bool without_host_devices = false;     // of a privileged container: only `devices`, as any other container
  std::vector<std::string> cdi_devices;  // vendor.com/class=device
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::map<std::string, std::string> rkt_annotations;
  std::string log_path;  // relative to the pod's log directory; empty: no log
  bool stdin_open = false;
  bool stdin_once = false;
  bool tty = false;
  std::string stop_signal;        // "SIGTERM", "SIGRTMIN+3"; empty: the image's, else SIGTERM
  int64_t stop_timeout_usec = 0;  // of `systemctl stop` and a shutdown; 0: the default of the starter
  Resources resources;
  ContainerSecurity security;

  // Whether it has every device of the node.
  bool HasHostDevices() const { return security.privileged && !without_host_devices; }
  bool operator==(const ContainerSpec&) const = default;
};

absl::StatusOr<ContainerSpec> ParseContainerSpec(const std::string& json);
std::string ToJson(const ContainerSpec& spec);
absl::Status Validate(const ContainerSpec& spec);

// The number of a signal by its name ("SIGTERM", "TERM", "15", "SIGRTMIN+3", "SIGRTMAX-1"); InvalidArgument otherwise.
absl::StatusOr<int> SignalNumber(const std::string& name);
std::string SignalName(int signal);  // "SIGTERM"

}  // namespace rktlet::spec
