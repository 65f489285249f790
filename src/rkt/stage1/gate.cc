// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace rkt::stage1 {
namespace {

// From the end of `runc create` to its child's arrival at the gate are microseconds; at a CPU quota of one percent, and
// then for a container that has died on the way, it is this long.
constexpr int kArrivalMilliseconds = 2000;

int OpenByReading(const char* path, int* fd) {
  // This lets a waiting writer through; without one it does not block.
  *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (*fd < 0) {
    return errno == ENOENT ? ESTALE : errno;
  }
  struct pollfd arrival = {*fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&arrival, 1, kArrivalMilliseconds);
  } while (ready < 0 && errno == EINTR);
  char byte = 0;
  if (ready <= 0 || read(*fd, &byte, 1) != 1) {
    return ESTALE;
  }
  unlink(path);  // what `runc state` tells created from running by
  return 0;
}

}  // namespace

int Gate::Find(int* fd) const {
  if (kind == Kind::kFrozen) {
    *fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) {
      return errno == ENOENT || errno == ENODEV ? ESTALE : errno;
    }
    return 0;
  }
  if (kind == Kind::kContainerWrites) {
    return access(path, F_OK) == 0 ? 0 : ESTALE;
  }
  // The waiting process holds the reading end, so this never blocks; without a reader there is nobody left to start.
  *fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (*fd < 0) {
    return errno == ENXIO || errno == ENOENT ? ESTALE : errno;
  }
  return 0;
}

int Gate::Open(int* fd) const {
  if (kind == Kind::kFrozen) {
    if (write(*fd, "0", 1) != 1) {
      return errno == ENODEV ? ESTALE : errno;
    }
    return 0;
  }
  if (kind == Kind::kContainerWrites) {
    return OpenByReading(path, fd);
  }
  unlink(path);  // what `crun state` tells created from running by
  if (write(*fd, "0", 1) != 1) {
    return errno == EPIPE ? ESTALE : errno;
  }
  return 0;
}

}  // namespace rkt::stage1
