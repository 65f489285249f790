// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/network_reader.h"

#include "base/files.h"
#include "base/strings.h"
#include "rktlet/stats/parse.h"

namespace rktlet::stats {

absl::StatusOr<std::vector<InterfaceCounters>> NetworkReader::Read(pid_t supervisor) {
  if (pid_ != supervisor || !directory_.valid()) {
    pid_ = supervisor;
    ASSIGN_OR_RETURN(directory_, base::OpenDirectory(base::StrCat(proc_, "/", supervisor)));
  }
  SmallFiles files;
  const auto text = files.Read(directory_.get(), "net/dev");
  if (!text.has_value()) {
    directory_.Reset();
    return absl::NotFoundError(base::StrCat("process ", supervisor, " has ended"));
  }
  return ParseNetDev(*text);
}

}  // namespace rktlet::stats
