// SPDX-License-Identifier: Apache-2.0
// Watches a memory cgroup for kills by the kernel's OOM killer, which cannot be asked for afterwards: the cgroup is
// gone milliseconds after the death.
//
// cgroup v1 (admin-guide/cgroup-v1/memory.rst): an eventfd registered at memory.oom_control counts one for each OOM,
// and one more when the group is removed. v2 (cgroup-v2.rst): memory.events becomes readable as EPOLLPRI; its oom_kill
// counts.
#pragma once

#include <stdint.h>

#include "rkt/stage1/loop.h"

namespace rkt::stage1 {

class OomWatch {
 public:
  // Begins to watch the group at `directory`. `seen` is called on the loop, once, when a kill was seen. 0 or an errno.
  int Arm(Loop* loop, const char* directory, void (*seen)(void* context), void* context);
  void Disarm();

  // Looks at what is pending now; whether a kill was seen since Arm().
  bool Seen();

 private:
  int ArmV1(int directory_fd);
  int ArmV2(int directory_fd);
  void LookV1();
  void LookV2();
  void Found();
  static void Handle(Source* source, uint32_t events);

  Loop* loop_ = nullptr;
  Source source_;        // v1: the eventfd; v2: memory.events
  int control_fd_ = -1;  // v1: memory.oom_control
  bool armed_ = false;
  bool v2_ = false;
  bool seen_ = false;
  uint64_t count_ = 0;  // v1: events so far; v2: oom_kill when armed
  void (*callback_)(void* context) = nullptr;
  void* context_ = nullptr;
};

}  // namespace rkt::stage1
