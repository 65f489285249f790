// SPDX-License-Identifier: Apache-2.0
// Slices that systemd loaded only because a unit of ours named them: they stay active after their last unit.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "rktlet/pods/sync.h"
#include "systemd/manager.h"

namespace rktlet::pods {

// Stops `slice`, and then its parents, as long as they are implicit (no file, not transient: nobody made them), have no
// slice below, and none of `in_use` is in them. One that the kubelet or an administrator made is never touched.
// Failures are logged: an empty slice harms nobody.
Awaitable<void> StopImplicitSlices(systemd::Manager& manager, std::string slice, std::vector<std::string> in_use,
                                   std::chrono::milliseconds timeout);

// The slice that `slice` is in by its name: "a-b.slice" → "a.slice", "a.slice" → "".
std::string ParentSlice(const std::string& slice);

// Whether `slice` is `ancestor` or below it.
bool IsWithin(const std::string& slice, const std::string& ancestor);

}  // namespace rktlet::pods
