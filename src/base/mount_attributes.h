// SPDX-License-Identifier: Apache-2.0
// What the kernel can do with mounts, found out without one.
#pragma once

namespace rktlet::base {

// Whether there is mount_setattr(2) (Linux 5.12), which sets options of a mount and of all mounts below it.
bool HasMountSetattr();

}  // namespace rktlet::base
