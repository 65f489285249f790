// SPDX-License-Identifier: Apache-2.0
// What a container's processes wait at until the container may run. A new one has a named pipe for it: crun's first
// process waits to read a byte, runc's to write one. All processes of a restored one are frozen.
#pragma once

namespace rkt::stage1 {

struct Gate {
  enum class Kind { kContainerReads, kContainerWrites, kFrozen };

  const char* path;  // of the pipe; the group's cgroup.freeze
  Kind kind;

  // 0 when somebody may wait there, and *fd what Open needs (-1 for nothing yet); ESTALE when nobody can.
  int Find(int* fd) const;

  // Lets the container go. ESTALE when it has ended meanwhile.
  int Open(int* fd) const;
};

}  // namespace rkt::stage1
