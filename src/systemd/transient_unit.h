// SPDX-License-Identifier: Apache-2.0
// Builder of a transient unit: a name and typed properties. It keeps its first error and reports it once, from
// TryBuild(), so that the code that fills it reads like a unit file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "systemd/property.h"
#include "systemd/unit_name.h"

namespace rktlet::systemd {

// What goes over the wire: every property at most once, in the order in which it was set.
struct UnitDefinition {
  UnitName name;
  std::vector<Property> properties;
};

// Setting a property twice is an error: two places in the code disagree. The list-valued ones that are naturally filled
// from several places have Add functions, which collect into one property.
class TransientUnit {
 public:
  explicit TransientUnit(UnitName name) : name_(std::move(name)) {}

  TransientUnit& Set(std::string property, PropertyValue value);

  // ExecStart=, ExecStartPre=, …: each call appends a command line.
  TransientUnit& ExecStart(ExecCommand command) { return AddCommand("ExecStart", std::move(command)); }
  TransientUnit& ExecStartPre(ExecCommand command) { return AddCommand("ExecStartPre", std::move(command)); }
  TransientUnit& ExecStartPost(ExecCommand command) { return AddCommand("ExecStartPost", std::move(command)); }
  TransientUnit& ExecStop(ExecCommand command) { return AddCommand("ExecStop", std::move(command)); }
  TransientUnit& ExecStopPost(ExecCommand command) { return AddCommand("ExecStopPost", std::move(command)); }

  // Appends to a list of strings: After, Before, BindsTo, Wants, Environment, …
  TransientUnit& Add(std::string property, std::string value);

  // DeviceAllow=: a node path or class ("char-*") and a subset of "rwm".
  TransientUnit& AllowDevice(std::string node, std::string permissions);

  // LogExtraFields=: a journal field for everything the unit's processes log.
  TransientUnit& LogField(std::string_view name, std::string_view value);

  // Makes the build fail with `status` unless it is OK or an earlier error is kept. For values that the caller
  // computes.
  TransientUnit& Check(const absl::Status& status);

  const UnitName& name() const { return name_; }
  // The property of that name, or nullptr.
  const Property* Find(std::string_view property) const;

  // The definition, or the first error with the unit's name and the property before it.
  absl::StatusOr<UnitDefinition> TryBuild() const;

  // Golden form: "[name]" and one ToText() line a property, in the order set; or the first error.
  std::string ToText() const;

 private:
  TransientUnit& AddCommand(std::string property, ExecCommand command);
  template <typename List>
  List* ListOf(std::string property);
  Property* FindMutable(std::string_view property);
  void Fail(std::string_view property, const absl::Status& status);

  UnitName name_;
  std::vector<Property> properties_;
  std::vector<std::string> appended_;  // names that only the Add functions filled
  absl::Status first_error_;
};

}  // namespace rktlet::systemd
