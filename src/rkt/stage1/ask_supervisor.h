// SPDX-License-Identifier: Apache-2.0
// What the helper has to say to a pod's supervisor as ExecStopPost= of a container. It waits two seconds at most.
#pragma once

namespace rkt::stage1 {

// Whether the supervisor at `socket_path` has seen an OOM kill of the app; false when it does not answer.
bool SupervisorSawOom(const char* socket_path, const char* app);

// Tells it that the container has ended: its output is in the log afterwards, and its clients are told.
void DrainSupervisor(const char* socket_path, const char* app);

}  // namespace rkt::stage1
