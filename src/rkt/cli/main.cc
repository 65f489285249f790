// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "rkt/cli/command.h"

int main(int argc, char** argv) {
  try {
    // A reader of stdout that went away is an error of the write, not a silent death halfway through an operation.
    std::signal(SIGPIPE, SIG_IGN);
    ::umask(022);
    rkt::cli::Registry registry;
    rkt::cli::RegisterCommands(registry);
    return rkt::cli::RunMain(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), registry);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rkt: unexpected: %s\n", error.what());
    return rkt::cli::kExitFailure;
  }
}
