// SPDX-License-Identifier: Apache-2.0
// Which versions of CDI there are, and which fields came with which ("Released versions" in SPEC.md). A file that uses
// a field of a later version than its own is refused, as by the other runtimes: it would mean something else to them.
#include <array>
#include <string_view>

#include "base/strings.h"
#include "rkt/cdi/spec_file.h"

namespace rkt::cdi {
namespace {

using rktlet::base::StrCat;

constexpr std::array<std::string_view, 8> kVersions = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
                                                       "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

size_t IndexOf(std::string_view version) {
  size_t index = 0;
  while (index < kVersions.size() && kVersions[index] != version) {
    ++index;
  }
  return index;
}

class Needs {
 public:
  explicit Needs(size_t have) : have_(have) {}

  void Field(bool used, std::string_view version, const std::string& where) {
    if (used && status_.ok() && IndexOf(version) > have_) {
      status_ = absl::InvalidArgumentError(
          StrCat(where, ": needs cdiVersion ", version, ", the file says ", kVersions[have_]));
    }
  }
  absl::Status status() const { return status_; }

 private:
  size_t have_;
  absl::Status status_;
};

bool HasMembers(const Element& node, std::string_view name) {
  const Element* found = node.Find(name);
  return found != nullptr && !(found->items.empty() && found->members.empty());
}

void CheckEdits(const Edits& edits, const Element& holder, Needs& needs) {
  for (size_t i = 0; i < edits.mounts.size(); ++i) {
    needs.Field(!edits.mounts[i].type.empty(), "0.4.0", StrCat(edits.where, ".mounts[", i, "].type"));
  }
  for (size_t i = 0; i < edits.device_nodes.size(); ++i) {
    needs.Field(!edits.device_nodes[i].host_path.empty(), "0.5.0",
                StrCat(edits.where, ".deviceNodes[", i, "].hostPath"));
  }
  needs.Field(!edits.additional_gids.empty(), "0.7.0", edits.where + ".additionalGids");
  needs.Field(edits.intel_rdt, "0.7.0", edits.where + ".intelRdt");
  needs.Field(edits.net_devices, "1.1.0", edits.where + ".netDevices");
  const Element* node = holder.Find("containerEdits");
  const Element* rdt = node == nullptr ? nullptr : node->Find("intelRdt");
  if (rdt != nullptr) {
    const Element* monitoring = rdt->Find("enableMonitoring");
    needs.Field(rdt->Find("schemata") != nullptr, "1.1.0", edits.where + ".intelRdt.schemata");
    needs.Field(monitoring != nullptr && monitoring->text == "true", "1.1.0",
                edits.where + ".intelRdt.enableMonitoring");
  }
}

}  // namespace

absl::Status CheckVersion(const SpecFile& file, const Element& root) {
  std::string_view version = file.version;
  if (version.starts_with('v')) {
    version.remove_prefix(1);
  }
  // The two before the first published one are what that says.
  const size_t have = version == "0.1.0" || version == "0.2.0" ? 0 : IndexOf(version);
  if (have == kVersions.size()) {
    return absl::FailedPreconditionError(StrCat("cdiVersion: \"", version.substr(0, 100), "\" is not known: ",
                                                kVersions.front(), " to ", kVersions.back(), " are"));
  }
  Needs needs(have);
  needs.Field(file.kind.find('.', file.kind.find('/')) != std::string::npos, "0.6.0", "kind");
  needs.Field(HasMembers(root, "annotations"), "0.6.0", "annotations");
  CheckEdits(file.edits, root, needs);
  const Element* devices = root.Find("devices");
  for (size_t i = 0; devices != nullptr && i < file.devices.size() && i < devices->items.size(); ++i) {
    const std::string where = StrCat("devices[", i, "]");
    const std::string& name = file.devices[i].name;
    needs.Field(!name.empty() && name.front() >= '0' && name.front() <= '9', "0.5.0", where + ".name");
    needs.Field(HasMembers(devices->items[i], "annotations"), "0.6.0", where + ".annotations");
    CheckEdits(file.devices[i].edits, devices->items[i], needs);
  }
  return needs.status();
}

}  // namespace rkt::cdi
