// SPDX-License-Identifier: Apache-2.0
// The one question that the helper has for a pod's supervisor.
#pragma once

namespace rkt::stage1 {

// Whether the supervisor at `socket_path` has seen an OOM kill of the app; false when it does not answer within a
// second.
bool SupervisorSawOom(const char* socket_path, const char* app);

}  // namespace rkt::stage1
