// SPDX-License-Identifier: Apache-2.0
// `containerEdits`: what a device changes in a container.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "rkt/cdi/fields.h"
#include "rkt/cdi/spec_file.h"

namespace rkt::cdi {
namespace {

using rktlet::base::StrCat;

constexpr std::array<std::pair<std::string_view, HookStage>, 6> kStages = {
    {{"prestart", HookStage::kPrestart},
     {"createRuntime", HookStage::kCreateRuntime},
     {"createContainer", HookStage::kCreateContainer},
     {"startContainer", HookStage::kStartContainer},
     {"poststart", HookStage::kPoststart},
     {"poststop", HookStage::kPoststop}}};

void ReadEnvironment(Fields& fields, std::vector<std::string>& environment) {
  fields.Texts("env", environment);
  for (size_t i = 0; i < environment.size(); ++i) {
    const size_t equals = environment[i].find('=');
    if (equals == std::string::npos || equals == 0) {
      fields.Fail(StrCat("env[", i, "]"), "is not of the form NAME=VALUE");  // its value may be a secret
    }
  }
}

void ReadDeviceNode(const Element& node, const std::string& where, DeviceNode& device, absl::Status& error) {
  Fields fields(node, where, error);
  fields.RequiredPath("path", device.path);
  fields.Path("hostPath", device.host_path);
  fields.Text("type", device.type);
  fields.Number("major", device.major);
  fields.Number("minor", device.minor);
  fields.Number("fileMode", device.file_mode);
  fields.Text("permissions", device.permissions);
  fields.Number("uid", device.uid);
  fields.Number("gid", device.gid);
  fields.Finish();
  if (!device.type.empty() &&
      (device.type.size() != 1 || std::string_view("bcup").find(device.type) == std::string_view::npos)) {
    fields.Fail("type", "must be b, c, u or p");
  }
  constexpr int64_t kMaxMajor = (1 << 12) - 1;
  constexpr int64_t kMaxMinor = (1 << 20) - 1;
  if (device.major < 0 || device.major > kMaxMajor) {
    fields.Fail("major", "is no number of a device");
  }
  if (device.minor < 0 || device.minor > kMaxMinor) {
    fields.Fail("minor", "is no number of a device");
  }
  if (device.permissions != "none" && device.permissions.find_first_not_of("rwm") != std::string::npos) {
    fields.Fail("permissions", "must be of r, w and m, or none");
  }
}

void ReadMount(const Element& node, const std::string& where, Mount& mount, absl::Status& error) {
  Fields fields(node, where, error);
  fields.RequiredText("hostPath", mount.host_path);
  fields.RequiredPath("containerPath", mount.container_path);
  fields.Text("type", mount.type);
  fields.Texts("options", mount.options);
  fields.Finish();
}

void ReadHook(const Element& node, const std::string& where, Hook& hook, absl::Status& error) {
  Fields fields(node, where, error);
  std::string name;
  fields.RequiredText("hookName", name);
  const auto stage =
      std::find_if(kStages.begin(), kStages.end(), [&](const auto& entry) { return entry.first == name; });
  if (stage == kStages.end()) {
    fields.Fail("hookName", "must be prestart, createRuntime, createContainer, startContainer, poststart or poststop");
  } else {
    hook.stage = stage->second;
  }
  fields.RequiredPath("path", hook.hook.path);
  fields.Texts("args", hook.hook.args);
  ReadEnvironment(fields, hook.hook.env);
  fields.Number("timeout", hook.hook.timeout);
  fields.Finish();
  if (hook.hook.timeout.value_or(1) <= 0) {
    fields.Fail("timeout", "must be greater than zero");
  }
}

void ReadGroup(const Element& node, const std::string& where, std::vector<uint32_t>& groups, absl::Status& error) {
  const std::optional<int64_t> number = NumberOf(node);
  constexpr int64_t kMaxGroup = (int64_t{1} << 32) - 2;
  if (!number || *number < 0 || *number > kMaxGroup) {
    if (error.ok()) {
      error = absl::InvalidArgumentError(StrCat(where, ": is no number of a group"));
    }
    return;
  }
  groups.push_back(static_cast<uint32_t>(*number));
}

void ReadIntelRdt(const Element& node, const std::string& where, absl::Status& error) {
  Fields fields(node, where, error);
  std::string text;
  std::vector<std::string> texts;
  bool flag = false;
  for (const char* name : {"closID", "l3CacheSchema", "memBwSchema"}) {
    fields.Text(name, text);
  }
  fields.Texts("schemata", texts);
  for (const char* name : {"enableMonitoring", "enableCMT", "enableMBM"}) {  // the last two until 1.0.0
    fields.Flag(name, flag);
  }
  fields.Finish();
}

void ReadNetDevice(const Element& node, const std::string& where, absl::Status& error) {
  Fields fields(node, where, error);
  std::string name;
  fields.RequiredText("hostInterfaceName", name);
  name.clear();
  fields.RequiredText("name", name);
  fields.Finish();
}

}  // namespace

void ReadEdits(const Element& node, const std::string& where, Edits& edits, absl::Status& error) {
  edits.where = where;
  Fields fields(node, where, error);
  ReadEnvironment(fields, edits.env);
  fields.List("deviceNodes", [&](const Element& element, const std::string& place) {
    ReadDeviceNode(element, place, edits.device_nodes.emplace_back(), error);
  });
  fields.List("mounts", [&](const Element& element, const std::string& place) {
    ReadMount(element, place, edits.mounts.emplace_back(), error);
  });
  fields.List("hooks", [&](const Element& element, const std::string& place) {
    ReadHook(element, place, edits.hooks.emplace_back(), error);
  });
  fields.List("additionalGids", [&](const Element& element, const std::string& place) {
    ReadGroup(element, place, edits.additional_gids, error);
  });
  if (const Element* rdt = fields.Other("intelRdt"); rdt != nullptr) {
    edits.intel_rdt = true;
    ReadIntelRdt(*rdt, fields.At("intelRdt"), error);
  }
  fields.List("netDevices", [&](const Element& element, const std::string& place) {
    edits.net_devices = true;
    ReadNetDevice(element, place, error);
  });
  fields.Finish();
}

}  // namespace rkt::cdi
