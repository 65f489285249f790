// SPDX-License-Identifier: Apache-2.0
// What systemd says about a unit, as plain data: read whole by Manager::GetUnit() or brought up to date property by
// property from signals.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "systemd/unit_name.h"

namespace rktlet::systemd {

// ExecMainCode: how the main process ended, the CLD_* values of waitid(2).
enum class ExitCode : int32_t { kNone = 0, kExited = 1, kKilled = 2, kDumped = 3 };

// Timestamps are µs since the Unix epoch, *_monotonic_usec those of CLOCK_MONOTONIC; 0 means "has not happened".
struct UnitFacts {
  UnitName name;
  std::string load_state = {};    // loaded, not-found, …
  std::string active_state = {};  // active, activating, deactivating, inactive, failed
  std::string sub_state = {};     // running, exited, start, stop-sigterm, …
  std::string description = {};
  std::string slice = {};          // "" for a root slice
  std::string control_group = {};  // below the cgroup root; "" when it has none
  std::string invocation_id = {};  // 32 hex digits, "" before the first start
  std::string result = {};  // success, exit-code, signal, oom-kill, timeout, protocol, …; not a verdict by itself
  std::string status_text = {};  // STATUS= of sd_notify
  int32_t status_errno = 0;      // ERRNO= of sd_notify
  pid_t main_pid = 0;            // of the running main process, else 0
  pid_t exec_main_pid = 0;       // of the last main process, also after it ended; 0 when there never was one
  ExitCode exec_main_code = ExitCode::kNone;
  int32_t exec_main_status = 0;  // exit code, or signal when killed or dumped
  uint64_t exec_main_start_timestamp_usec = 0;
  uint64_t exec_main_start_timestamp_monotonic_usec = 0;
  uint64_t exec_main_exit_timestamp_usec = 0;
  uint64_t exec_main_exit_timestamp_monotonic_usec = 0;
  uint64_t active_enter_timestamp_usec = 0;
  uint64_t inactive_enter_timestamp_usec = 0;
  uint32_t job_id = 0;        // of the queued or running job, else 0
  std::string fragment_path;  // of its unit file; "" for one that systemd made up (a slice that a unit named)
  bool transient = false;

  // Whether the main process has run and ended.
  bool Exited() const { return exec_main_pid != 0 && main_pid == 0 && exec_main_code != ExitCode::kNone; }
};

// A line of Manager::ListUnits().
struct UnitSummary {
  UnitName name;
  std::string description = {};
  std::string load_state = {};
  std::string active_state = {};
  std::string sub_state = {};
  uint32_t job_id = 0;
};

// Values of properties as far as UnitFacts needs them. Integers of every width are widened; a byte array is a string.
using FactValue = std::variant<bool, int64_t, uint64_t, std::string>;
using FactMap = std::map<std::string, FactValue, std::less<>>;

// Whether ApplyFacts() would use a property of that name.
bool IsFact(std::string_view property);

// Takes over every property that `facts` has a member for. One of an unexpected type is ignored.
void ApplyFacts(const FactMap& properties, UnitFacts& facts);

// "main process exited with 127", "main process killed by signal 9 (KILL)", … or "" when it has not ended.
std::string DescribeExit(const UnitFacts& facts);

}  // namespace rktlet::systemd
