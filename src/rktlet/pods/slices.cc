// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/slices.h"

#include <algorithm>

#include "base/journal.h"
#include "base/strings.h"

namespace rktlet::pods {
namespace {

constexpr char kSuffix[] = ".slice";

std::string Stem(const std::string& slice) { return slice.substr(0, slice.size() - (sizeof(kSuffix) - 1)); }

// Whether systemd made the slice up and nothing is in it that it would take along.
Awaitable<bool> IsDisposable(systemd::Manager& manager, systemd::UnitName slice) {
  const absl::StatusOr<systemd::UnitFacts> facts = co_await manager.GetUnit(slice);
  if (!facts.ok() || facts->load_state != "loaded" || facts->active_state != "active" || facts->transient ||
      !facts->fragment_path.empty()) {
    co_return false;
  }
  std::vector<std::string> below;
  below.push_back(base::StrCat(Stem(slice.str()), "-*", kSuffix));
  const absl::StatusOr<std::vector<systemd::UnitSummary>> children = co_await manager.ListUnits(below);
  if (!children.ok()) {
    co_return false;
  }
  co_return std::none_of(children->begin(), children->end(), [](const systemd::UnitSummary& child) {
    return child.active_state == "active" || child.active_state == "activating";
  });
}

}  // namespace

std::string ParentSlice(const std::string& slice) {
  const size_t dash = Stem(slice).rfind('-');
  return dash == std::string::npos || dash == 0 ? "" : base::StrCat(slice.substr(0, dash), kSuffix);
}

bool IsWithin(const std::string& slice, const std::string& ancestor) {
  return slice == ancestor || slice.starts_with(Stem(ancestor) + "-");
}

Awaitable<void> StopImplicitSlices(systemd::Manager& manager, std::string slice, std::vector<std::string> in_use,
                                   std::chrono::milliseconds timeout) {
  for (; slice.ends_with(kSuffix) && slice != "-.slice" && slice != "system.slice"; slice = ParentSlice(slice)) {
    const bool used = std::any_of(in_use.begin(), in_use.end(),
                                  [&slice](const std::string& other) { return IsWithin(other, slice); });
    const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(slice);
    if (used || !unit.ok()) {
      co_return;
    }
    const systemd::UnitName name = *unit;
    const bool disposable = co_await IsDisposable(manager, name);
    if (!disposable) {
      co_return;
    }
    const absl::Status stopped = co_await manager.StopUnit(name, timeout);
    if (!stopped.ok()) {
      base::journal::Warning("An empty slice could not be stopped", {{"UNIT", slice}, {"ERROR", stopped}});
      co_return;
    }
  }
}

}  // namespace rktlet::pods
