// SPDX-License-Identifier: Apache-2.0
// What the helper does as ExecStopPost= of containers and pods: it leaves the record of how the unit ended unless
// somebody else has, from what systemd tells in $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS (systemd.exec(5)).
#pragma once

namespace rkt::stage1 {

// `rkt-helper record-exit CONTAINER-DIRECTORY SUPERVISOR-SOCKET APP BOOT-ID`: with the record, the supervisor is told
// that the container has ended.
int RecordExitMain(int argc, char** argv);

// `rkt-helper pod-stopped POD-DIRECTORY POD-RUN-DIRECTORY RKT DIR RUN-DIR POD`: writes the pod's record, removes the
// supervisor's socket, and becomes `RKT app network down POD` when nobody has asked for the pod's stop and its network
// is not down.
int PodStoppedMain(int argc, char** argv);

}  // namespace rkt::stage1
