// SPDX-License-Identifier: Apache-2.0
// The copy of a container's log to the journal: asked for by an annotation for the engine (`rkt_annotations`), which
// rktlet sets by its configuration or the pod's own annotation.
#pragma once

namespace rktlet::spec {

// On a container: "BURST INTERVAL", at most BURST lines in INTERVAL milliseconds; "0 0" for no limit.
inline constexpr char kLogJournalAnnotation[] = "io.rktlet.log-journal";

// On a Kubernetes pod: "true" or "false", instead of containers.log_to_journal of rktlet.yaml.
inline constexpr char kPodLogToJournalAnnotation[] = "io.rktlet.log-to-journal";

}  // namespace rktlet::spec
