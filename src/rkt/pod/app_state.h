// SPDX-License-Identifier: Apache-2.0
// What state an app is in, derived from the records in its directory and from whether its process runs.
//
//   created ──gate opened──► running ──exit──► exited      created ──start failed, or a reboot──► exited
#pragma once

#include <cstdint>
#include <string>

#include "spec/layout.h"

namespace rkt::pod {

struct AppState {
  std::string state = "unknown";  // unknown, created, running, exited
  int exit_code = 0;              // 128+n for a signal
  int signal = 0;
  int pid = 0;             // on the host, while it runs
  int64_t started_at = 0;  // ns since the epoch, 0: never
  int64_t finished_at = 0;
  std::string reason;  // Completed, Error, OOMKilled, StartError, …; of an exited app
  std::string message;
};

// `process_runs`: its process was seen in its unit.
AppState DeriveAppState(const rktlet::spec::ContainerState& files, const std::string& boot_id, bool process_runs);

// The same with a look at the process by /proc: no systemd, no bus.
AppState ObserveApp(const rktlet::spec::ContainerState& files, const std::string& boot_id);

// Whether process `pid` is in the cgroup of the unit.
bool ProcessIsInUnit(int pid, const std::string& unit);

}  // namespace rkt::pod
