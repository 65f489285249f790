// SPDX-License-Identifier: Apache-2.0
// A device specification of the Container Device Interface, versions 0.3.0 to 1.1.0 (SPEC.md and schema of
// github.com/cncf-tags/container-device-interface), as structs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "rkt/cdi/document.h"
#include "spec/hooks.h"

namespace rkt::cdi {

struct DeviceNode {
  std::string path;       // in the container
  std::string host_path;  // empty: as in the container
  std::string type;       // "b", "c", "u", "p"; empty: that of the node's
  int64_t major = 0;      // 0: that of the node's, and its minor
  int64_t minor = 0;
  std::optional<uint32_t> file_mode;  // absent: that of the node's
  std::string permissions;            // of "rwm", or "none"; empty: all
  std::optional<uint32_t> uid;        // absent: the container's user
  std::optional<uint32_t> gid;
};

struct Mount {
  std::string host_path;  // of a type without a file system behind it the source, as "tmpfs"
  std::string container_path;
  std::string type;  // empty: a bind mount
  std::vector<std::string> options;
};

enum class HookStage : unsigned char {
  kPrestart,
  kCreateRuntime,
  kCreateContainer,
  kStartContainer,
  kPoststart,
  kPoststop
};

struct Hook {
  HookStage stage = HookStage::kPrestart;
  rktlet::spec::Hook hook;
};

struct Edits {
  std::string where;             // the field they are: "containerEdits", "devices[1].containerEdits"
  std::vector<std::string> env;  // "K=V"
  std::vector<DeviceNode> device_nodes;
  std::vector<Mount> mounts;
  std::vector<Hook> hooks;
  std::vector<uint32_t> additional_gids;  // 0 means nothing
  bool intel_rdt = false;                 // asks for something of the kind, which nobody here does
  bool net_devices = false;               // the same

  bool empty() const;
};

struct Device {
  std::string name;
  Edits edits;
};

struct SpecFile {
  std::string version;
  std::string kind;
  Edits edits;  // of every container that gets any of the devices
  std::vector<Device> devices;
  // Why none of the devices can be used: what is wrong with the file, with the field. `kind` and `devices` then hold
  // what could be read, so that the devices are known to be broken.
  absl::Status problem;
};

enum class Format : unsigned char { kJson, kYaml };

// Never fails: `problem` says it.
SpecFile ParseSpecFile(std::string_view text, Format format);

// The pieces of it.
void ReadEdits(const Element& node, const std::string& where, Edits& edits, absl::Status& error);
// FailedPrecondition for a version that nobody knows, InvalidArgument for a field that is younger than the version.
absl::Status CheckVersion(const SpecFile& file, const Element& root);

}  // namespace rkt::cdi
