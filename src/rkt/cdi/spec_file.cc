// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/spec_file.h"

#include <map>
#include <set>

#include "base/strings.h"
#include "rkt/cdi/fields.h"
#include "spec/cdi_names.h"

namespace rkt::cdi {
namespace {

using rktlet::base::StrCat;

void ReadAnnotations(Fields& fields) {
  // They tell something to others. Here they have to be well formed, and that is all.
  std::map<std::string, std::string> annotations;
  fields.TextMap("annotations", annotations);
}

void ReadDevice(const Element& node, const std::string& where, Device& device, absl::Status& error) {
  Fields fields(node, where, error);
  fields.RequiredText("name", device.name);
  if (error.ok()) {
    if (const absl::Status name = rktlet::spec::CheckCdiDevice(device.name); !name.ok()) {
      fields.Fail("name", rktlet::base::ToStd(name.message()));
    }
  }
  ReadAnnotations(fields);
  device.edits.where = fields.At("containerEdits");
  if (const Element* edits = fields.Other("containerEdits"); edits != nullptr) {
    ReadEdits(*edits, device.edits.where, device.edits, error);
  }
  fields.Finish();
  if (device.edits.empty()) {
    fields.Fail("containerEdits", "asks for nothing");
  }
}

void ReadRoot(const Element& root, SpecFile& file) {
  absl::Status& error = file.problem;
  Fields fields(root, "", error);
  fields.RequiredText("cdiVersion", file.version);
  fields.RequiredText("kind", file.kind);
  if (error.ok()) {
    if (const absl::Status kind = rktlet::spec::CheckCdiKind(file.kind); !kind.ok()) {
      fields.Fail("kind", rktlet::base::ToStd(kind.message()));
    }
  }
  ReadAnnotations(fields);
  std::set<std::string> names;
  fields.List("devices", [&](const Element& node, const std::string& where) {
    Device device;
    ReadDevice(node, where, device, error);
    if (error.ok() && !names.insert(device.name).second) {
      error = absl::InvalidArgumentError(StrCat(where, ".name: \"", device.name, "\" stands in the file twice"));
    }
    file.devices.push_back(std::move(device));
  });
  file.edits.where = "containerEdits";
  if (const Element* edits = fields.Other("containerEdits"); edits != nullptr) {
    ReadEdits(*edits, file.edits.where, file.edits, error);
  }
  fields.Finish();
  if (file.devices.empty()) {
    fields.Fail("devices", "there is none");
  }
}

// What a broken file says of its kind and its devices' names.
void ReadNames(const Element& root, SpecFile& file) {
  const auto text = [](const Element& map, std::string_view key) {
    const Element* node = map.Find(key);
    return node == nullptr ? std::string() : TextOf(*node).value_or("");
  };
  file.kind = text(root, "kind");
  file.devices.clear();
  const Element* devices = root.Find("devices");
  if (!rktlet::spec::CheckCdiKind(file.kind).ok() || devices == nullptr) {
    return;
  }
  for (const Element& node : devices->items) {
    Device device;
    device.name = text(node, "name");
    if (rktlet::spec::CheckCdiDevice(device.name).ok()) {
      file.devices.push_back(std::move(device));
    }
  }
}

}  // namespace

bool Edits::empty() const {
  return env.empty() && device_nodes.empty() && mounts.empty() && hooks.empty() && additional_gids.empty() &&
         !intel_rdt && !net_devices;
}

SpecFile ParseSpecFile(std::string_view text, Format format) {
  SpecFile file;
  absl::StatusOr<Element> root = format == Format::kJson ? ParseJson(text) : ParseYaml(text);
  if (!root.ok()) {
    file.problem = root.status();
    return file;
  }
  ReadRoot(*root, file);
  if (!file.version.empty()) {
    // A version that is not known explains the fields that are not.
    if (absl::Status version = CheckVersion(file, *root); file.problem.ok() || absl::IsFailedPrecondition(version)) {
      file.problem = std::move(version);
    }
  }
  if (!file.problem.ok()) {
    ReadNames(*root, file);
  }
  return file;
}

}  // namespace rkt::cdi
