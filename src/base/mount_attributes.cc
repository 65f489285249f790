// SPDX-License-Identifier: Apache-2.0
#include "base/mount_attributes.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rktlet::base {

bool HasMountSetattr() {
  // A structure of no size is refused before anything else is looked at.
  return syscall(SYS_mount_setattr, -1, "", 0U, nullptr, size_t{0}) == 0 || errno != ENOSYS;
}

}  // namespace rktlet::base
