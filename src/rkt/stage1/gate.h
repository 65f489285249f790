// SPDX-License-Identifier: Apache-2.0
// A container's gate: the named pipe at which its first process waits until it may become the container. crun's waits
// to read a byte, runc's to write one.
#pragma once

namespace rkt::stage1 {

struct Gate {
  const char* path;
  bool container_writes;

  // 0 when somebody may wait there, and *fd what Open needs (-1 for nothing yet); ESTALE when nobody can.
  int Find(int* fd) const;

  // Lets the container go. ESTALE when it has ended meanwhile.
  int Open(int* fd) const;
};

}  // namespace rkt::stage1
