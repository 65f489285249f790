// SPDX-License-Identifier: Apache-2.0
// The pod supervisor: the main process of a pod's unit. It holds the pod's namespaces, creates its containers' stdio,
// writes their logs, watches for OOM kills, opens their gates, and reaps as PID 1 of a shared PID namespace.
#pragma once

namespace rkt::stage1 {

// `rkt-helper supervisor SOCKET-FD RUN-DIRECTORY SHM`: the listening SOCK_SEQPACKET socket
// (spec/supervisor_protocol.h), the pod's run directory, where console sockets go, and the mount point of the pod's
// /dev/shm, "" when it has none of its own.
int SupervisorMain(int argc, char** argv);

}  // namespace rkt::stage1
