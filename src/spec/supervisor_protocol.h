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
  // strings: app, directory of the unit's memory cgroup ("" where there is none: no OOM watch), path of the runtime's
  // gate (exec.fifo), the container's pid as text. Arms the OOM watch, writes the container's `started` record, opens
  // the
  // gate; in this order. flags: kWritesToGate. reply: value = started_at in ns. ESTALE when the gate is gone (the
  // container died in between).
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
  // strings: app. The container has ended: reply comes when its outputs are at their end (a terminal that nobody has
  // open
  // is) and the log is written, or after 1 s (value = 1: something still holds a pipe).
  kDrain = 7,
  // strings: app. flags: kTty, kStdin, kStdout, kStderr: what is wanted. reply: value = the flags of what there is,
  // with
  // the descriptors in this order: kTty (only if wanted: a descriptor of the terminal's master, for its size), kStdin
  // (write end of a pipe of the client's own, closed to end its input; with a terminal a descriptor of the master),
  // kStdout, kStderr (read ends). kTty stands in the value whenever the container has a terminal; all its output is
  // stdout then. There is no kStdin when the container has none, or when its only client (kStdinOnce) has come and
  // gone.
  // The string names all that there is, wanted or not, with spaces between: stdin stdout stderr, or tty-in tty-out.
  // The connection is the attachment from then on and its end detaches. When the supervisor ends it, a last reply comes
  // first: error 0 when the output has ended and all of it is in the descriptors, ETIMEDOUT when the client did not
  // read fast enough, or held the output up too often, ECANCELED when the supervisor has let go of the app.
  // ENOENT: never started here. ESHUTDOWN: it has neither outputs nor stdin any more. EAGAIN: its terminal is not there
  // yet.
  kAttach = 8,
  // strings: app, columns, rows (decimal). Sets the size of the container's terminal. ENOTTY without one.
  kResize = 9,
  // strings: app. reply: string = what the log has seen since the app's first kStdio, "NAME=NUMBER" with spaces
  // between:
  // lines, bytes (written; bytes without the heads of the lines), lost_lines, lost_bytes (not written: full disk),
  // journal_lines, journal_suppressed (over the rate limit, or the journal did not take them), attachments.
  kLogState = 10,
};

enum Flags : uint32_t {
  kTty = 1,
  kStdin = 2,
  kStdinOnce = 4,
  kStdout = 8,
  kStderr = 16,
  // With kStdio: a fourth string follows, what the copy of the log to the journal bears. Lines "FIELD=value" (native
  // protocol of systemd-journald), after a first line "BURST INTERVAL": at most BURST lines in INTERVAL ms, 0 for no
  // limit.
  kJournal = 32,
  // With kStart: the container waits to write to its gate (runc), not to read from it (crun).
  kWritesToGate = 64,
  // With kStart: the container was restored and its group is frozen. Its gate is the group's cgroup.freeze.
  kFrozen = 128,
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
