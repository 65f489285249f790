// SPDX-License-Identifier: Apache-2.0
// The records that the helper leaves in container and pod directories; src/spec/records.h reads them.
#pragma once

#include <stdint.h>

#include "rkt/stage1/text.h"

namespace rkt::stage1 {

// How a unit's main process ended.
struct Ending {
  int code = 0;    // exit code; 128+n for a signal
  int signal = 0;  // the signal, else 0
};

void AddStartedRecord(Text* text, int64_t started_at, const char* boot_id, int64_t pid);
void AddExitRecord(Text* text, const Ending& ending, int64_t finished_at, bool oom, const char* reason,
                   const char* message);

// From systemd's $EXIT_CODE ("exited", "killed", "dumped") and $EXIT_STATUS (a number, or a signal's name without SIG);
// either may be null. False when they say nothing.
bool ParseEnding(const char* exit_code, const char* exit_status, Ending* ending);

}  // namespace rkt::stage1
