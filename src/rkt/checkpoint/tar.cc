// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/tar.h"

#include <algorithm>

#include "base/strings.h"
#include "base/subprocess.h"

namespace rkt::checkpoint {

absl::StatusOr<std::chrono::nanoseconds> TimeLeft(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  if (left <= std::chrono::nanoseconds(0)) {
    return absl::DeadlineExceededError("the time for the checkpoint is over");
  }
  return std::max<std::chrono::nanoseconds>(left, std::chrono::milliseconds(1));
}

absl::Status WriteTar(const std::string& directory, const std::vector<std::string>& names, int archive_fd,
                      Deadline deadline) {
  rktlet::base::Command command;
  command.program = "tar";
  command.args = {"--create",
                  "--format=pax",
                  "--sparse",
                  "--numeric-owner",
                  "--xattrs",
                  "--xattrs-exclude=trusted.overlay.*",
                  "--no-recursion",
                  "--null",
                  "--verbatim-files-from",
                  "--file=/proc/self/fd/3",
                  "--directory=" + directory,  // before the names that it holds for
                  "--files-from=-"};
  command.fds = {{archive_fd, 3}};
  rktlet::base::RunOptions options;
  for (const std::string& name : names) {
    options.stdin_data.append(name).push_back('\0');
  }
  ASSIGN_OR_RETURN(options.timeout, TimeLeft(deadline));
  ASSIGN_OR_RETURN(const rktlet::base::CommandResult result, rktlet::base::RunCommand(std::move(command), options));
  return rktlet::base::CheckResult(result, "tar");
}

}  // namespace rkt::checkpoint
