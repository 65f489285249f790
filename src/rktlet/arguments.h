// SPDX-License-Identifier: Apache-2.0
// The command line of rktlet.
#pragma once

#include <optional>
#include <string>

#include "rktlet/config/config.h"

namespace rktlet {

struct Arguments {
  std::string config_path;
  bool config_must_exist = false;  // it was named
  config::Config config;
};

// Reads the command line and the configuration. When that was all there was to do (--help, --check-config, an error),
// nullopt, everything printed, and `exit_code` set.
std::optional<Arguments> ParseArguments(int argc, char** argv, int& exit_code);

}  // namespace rktlet
