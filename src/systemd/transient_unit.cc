// SPDX-License-Identifier: Apache-2.0
#include "systemd/transient_unit.h"

#include <algorithm>

#include "base/strings.h"

namespace rktlet::systemd {

TransientUnit& TransientUnit::Set(std::string property, PropertyValue value) {
  if (Find(property) != nullptr) {
    Fail(property, absl::InvalidArgumentError("is set twice"));
    return *this;
  }
  properties_.push_back({std::move(property), std::move(value)});
  Fail(properties_.back().name, CheckProperty(properties_.back()));
  return *this;
}

TransientUnit& TransientUnit::Add(std::string property, std::string value) {
  if (auto* list = ListOf<std::vector<std::string>>(std::move(property)); list != nullptr) {
    list->push_back(std::move(value));
  }
  return *this;
}

TransientUnit& TransientUnit::AllowDevice(std::string node, std::string permissions) {
  if (permissions.empty() || permissions.find_first_not_of("rwm") != std::string::npos) {
    Fail("DeviceAllow", absl::InvalidArgumentError(
                            base::StrCat("permissions \"", permissions, "\" of ", node, " are not some of \"rwm\"")));
    return *this;
  }
  if (auto* list = ListOf<StringPairs>("DeviceAllow"); list != nullptr) {
    list->emplace_back(std::move(node), std::move(permissions));
  }
  return *this;
}

TransientUnit& TransientUnit::LogField(std::string_view name, std::string_view value) {
  const auto is_field_character = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  // systemd.journal-fields(7): a leading underscore marks fields that the journal itself adds.
  if (name.empty() || name.size() > 64 || name.starts_with('_') || (name[0] >= '0' && name[0] <= '9') ||
      !std::all_of(name.begin(), name.end(), is_field_character)) {
    Fail("LogExtraFields", absl::InvalidArgumentError(base::StrCat("\"", name, "\" is no journal field name")));
    return *this;
  }
  if (auto* list = ListOf<ByteStrings>("LogExtraFields"); list != nullptr) {
    list->push_back(ToBytes(base::StrCat(name, "=", value)));
  }
  return *this;
}

TransientUnit& TransientUnit::Check(const absl::Status& status) {
  if (first_error_.ok()) {
    first_error_ = base::Annotate(status, base::StrCat("unit ", name_.str()));
  }
  return *this;
}

const Property* TransientUnit::Find(std::string_view property) const {
  const auto found = std::find_if(properties_.begin(), properties_.end(),
                                  [property](const Property& entry) { return entry.name == property; });
  return found == properties_.end() ? nullptr : &*found;
}

absl::StatusOr<UnitDefinition> TransientUnit::TryBuild() const {
  RETURN_IF_ERROR(first_error_);
  for (const std::string& name : appended_) {
    if (const Property* property = Find(name); property != nullptr) {
      if (absl::Status status = CheckProperty(*property); !status.ok()) {
        return base::Annotate(status, base::StrCat("unit ", name_.str(), ": property ", name));
      }
    }
  }
  return UnitDefinition{.name = name_, .properties = properties_};
}

std::string TransientUnit::ToText() const {
  const absl::StatusOr<UnitDefinition> definition = TryBuild();
  if (!definition.ok()) {
    return base::StrCat("error: ", definition.status().ToString(), "\n");
  }
  std::string out = base::StrCat("[", name_.str(), "]\n");
  for (const Property& property : definition->properties) {
    out += systemd::ToText(property) + "\n";
  }
  return out;
}

TransientUnit& TransientUnit::AddCommand(std::string property, ExecCommand command) {
  if (auto* list = ListOf<std::vector<ExecCommand>>(std::move(property)); list != nullptr) {
    list->push_back(std::move(command));
  }
  return *this;
}

template <typename List>
List* TransientUnit::ListOf(std::string property) {
  if (Property* existing = FindMutable(property); existing != nullptr) {
    const bool ours = std::find(appended_.begin(), appended_.end(), property) != appended_.end();
    List* list = ours ? std::get_if<List>(&existing->value) : nullptr;
    if (list == nullptr) {
      Fail(property, absl::InvalidArgumentError("is set as a whole and added to"));
    }
    return list;
  }
  appended_.push_back(property);
  properties_.push_back({std::move(property), List()});
  return &std::get<List>(properties_.back().value);
}

Property* TransientUnit::FindMutable(std::string_view property) { return const_cast<Property*>(Find(property)); }

void TransientUnit::Fail(std::string_view property, const absl::Status& status) {
  if (first_error_.ok() && !status.ok()) {
    first_error_ = base::Annotate(status, base::StrCat("unit ", name_.str(), ": property ", property));
  }
}

}  // namespace rktlet::systemd
