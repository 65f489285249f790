// SPDX-License-Identifier: Apache-2.0
#include <exception>

#include "base/journal.h"
#include "rktlet/arguments.h"
#include "rktlet/daemon.h"

int main(int argc, char** argv) {
  try {
    int exit_code = 0;
    auto arguments = rktlet::ParseArguments(argc, argv, exit_code);
    if (!arguments.has_value()) {
      return exit_code;
    }
    rktlet::Daemon daemon(*std::move(arguments));
    const absl::Status status = daemon.Run();
    if (!status.ok()) {
      rktlet::base::journal::Error("rktlet ends", {{"STATUS", status}});
      return 1;
    }
    return 0;
  } catch (const std::exception& error) {
    rktlet::base::journal::Error("rktlet ends by an unexpected error", {{"WHAT", error.what()}});
    return 1;
  }
}
