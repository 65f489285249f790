// SPDX-License-Identifier: Apache-2.0
#include "unit/oom_score.h"

#include <set>
#include <vector>

#include "base/files.h"
#include "base/strings.h"

namespace rktlet::unit {

absl::Status SetOomScore(const Cgroups& cgroups, const std::string& control_group, int64_t score,
                         const std::string& proc) {
  constexpr int kRounds = 100;  // a group that forks faster than we write
  std::set<int> done;
  for (int round = 0; round < kRounds; ++round) {
    const absl::StatusOr<std::vector<int>> processes = cgroups.Processes(control_group);
    if (absl::IsNotFound(processes.status())) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(processes.status());
    bool more = false;
    for (const int pid : *processes) {
      if (!done.insert(pid).second) {
        continue;
      }
      more = true;  // it may have forked before it was written to
      const std::string file = base::StrCat(proc, "/", pid, "/oom_score_adj");
      const absl::Status written = base::WriteExistingFile(file, base::StrCat(score));
      if (absl::IsPermissionDenied(written)) {
        return absl::PermissionDeniedError(base::StrCat(
            "oom_score_adj ", score, " cannot be set without CAP_SYS_RESOURCE: the kernel only lets it rise"));
      }
      if (!written.ok() && base::Exists(file)) {
        return written;
      }
    }
    if (!more) {
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

}  // namespace rktlet::unit
