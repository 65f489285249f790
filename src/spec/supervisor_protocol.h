// SPDX-License-Identifier: Apache-2.0
// The pod supervisor's socket: SOCK_SEQPACKET at <run dir>/pods/<pod id>/supervisor, root only, one request and one
// reply a packet. Shared with the supervisor, which is built without libstdc++: C headers only.
//
// A request is a RequestHeader followed by NUL-terminated strings; a reply is a ReplyHeader followed by one
// NUL-terminated string. Which strings, and which descriptors travel with them (SCM_RIGHTS), is said at each operation.
#pragma once

#include <stdint.h>

namespace rktlet::spec::supervisor {

inline constexpr uint32_t kMagic = 0x31534b52;  // "RKS1", little endian
inline constexpr unsigned kMaxPacket = 16384;

enum Operation : uint32_t {
  // strings: app, container directory, log file (absolute, "" for none). flags: kTty, kStdin, kStdinOnce.
  // reply: descriptors stdin (read end), stdout, stderr (write ends), then, when the pod has /dev/shm of its own, a
  // detached mount of it (move_mount(2)). With kTty the three are /dev/null and the reply's string is the path of the
  // stream socket that crun's --console-socket wants.
  // Repeating it for an app that never started makes new pipes; for one that runs it is EBUSY.
  kStdio = 1,
  // strings: app, directory of the unit's memory cgroup ("" where there is none: no OOM watch), path of crun's gate
  // (exec.fifo), the container's pid as text. Arms the OOM watch, writes the container's `started` record, opens the
  // gate; in this order. reply: value = started_at in ns. ESTALE when the gate is gone (the container died in between).
  kStart = 2,
  // strings: app. reply: value = 1 when the kernel OOM killer has killed in the container since kStart. Events that are
  // pending are looked at first. ENOENT: unknown app.
  kOomSeen = 3,
  // strings: app. Closes and opens the log file again. reply after the new file exists.
  kReopenLog = 4,
  // strings: app. Everything of the app is let go, after its output so far is in the log. Unknown: OK.
  kForget = 5,
  // no strings. reply: value = number of apps with open stdio; a test that it lives.
  kPing = 6,
  // strings: app. reply comes when both output pipes have reached their end and the log is written, or after 1 s
  // (value = 1: something still holds a pipe).
  kDrain = 7,
};

enum Flags : uint32_t {
  kTty = 1,
  kStdin = 2,
  kStdinOnce = 4,
};

struct RequestHeader {
  uint32_t magic;
  uint32_t operation;
  uint32_t flags;
  uint32_t reserved;
};

struct ReplyHeader {
  uint32_t magic;
  int32_t error;  // 0 or an errno; then the string says what failed
  uint64_t value;
};

}  // namespace rktlet::spec::supervisor
