// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace rktlet::base {

void UniqueFd::Reset() {
  if (fd_ >= 0) {
    const int saved_errno = errno;
    ::close(Release());
    errno = saved_errno;
  }
}

}  // namespace rktlet::base
