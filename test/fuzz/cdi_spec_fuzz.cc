// SPDX-License-Identifier: Apache-2.0
// A device specification of the Container Device Interface, as JSON and as YAML. What is taken holds what its readers
// rely on.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rkt/cdi/spec_file.h"
#include "spec/cdi_names.h"

namespace {

void Check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void CheckEdits(const rkt::cdi::Edits& edits) {
  for (const std::string& variable : edits.env) {
    Check(variable.find('=') != std::string::npos && variable.front() != '=');
  }
  for (const rkt::cdi::DeviceNode& node : edits.device_nodes) {
    Check(node.path.front() == '/' && node.type.size() <= 1 && node.major >= 0 && node.minor >= 0);
  }
  for (const rkt::cdi::Mount& mount : edits.mounts) {
    Check(!mount.host_path.empty() && mount.container_path.front() == '/');
  }
  for (const rkt::cdi::Hook& hook : edits.hooks) {
    Check(hook.hook.path.front() == '/' && hook.hook.path.find('\0') == std::string::npos);
    Check(hook.hook.timeout.value_or(1) > 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rkt::cdi;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Format format : {Format::kJson, Format::kYaml}) {
    const SpecFile file = ParseSpecFile(text, format);
    for (const Device& device : file.devices) {
      Check(rktlet::spec::CheckCdiDeviceName(file.kind + "=" + device.name).ok());
      Check(!file.problem.ok() || !device.edits.empty());
      CheckEdits(device.edits);
    }
    Check(!file.problem.ok() || !file.devices.empty());
    if (file.problem.ok()) {
      CheckEdits(file.edits);
    }
  }
  return 0;
}
