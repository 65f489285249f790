// SPDX-License-Identifier: Apache-2.0
#include "rktlet/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/strings.h"
#include "rktlet/config/load.h"
#include "rktlet/config/options.h"

namespace rktlet {
namespace {

constexpr int kExitConfig = 78;  // EX_CONFIG of sysexits(3)

void Print(FILE* stream, const std::string& text) { std::fwrite(text.data(), 1, text.size(), stream); }

}  // namespace

std::optional<Arguments> ParseArguments(int argc, char** argv, int& exit_code) {
  Arguments arguments;
  bool check = false;
  bool dump = false;
  bool manual = false;
  CLI::App app("rktlet: the Kubernetes container runtime whose pods and containers are systemd units", "rktlet");
  app.set_version_flag("--version", "rktlet " RKTLET_VERSION);
  const CLI::Option* named = app.add_option("--config", arguments.config_path, "The configuration file")
                                 ->default_val(config::kDefaultPath)
                                 ->type_name("FILE");
  app.add_flag("--check-config", check, "Say what is wrong with the configuration, and exit");
  app.add_flag("--dump-config", dump, "Print the configuration as it is in effect, and exit");
  app.add_flag("--config-manual", manual, "Print the keys of the configuration as troff, and exit")->group("");
  app.footer(
      base::StrCat("Keys of the configuration, with their defaults; see also rktlet.yaml(5):\n", config::HelpText()));
  exit_code = 0;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  if (manual) {
    Print(stdout, config::ManualText());
    return std::nullopt;
  }
  arguments.config_must_exist = named->count() > 0;
  auto config = config::Load(arguments.config_path, arguments.config_must_exist);
  if (!config.ok()) {
    Print(stderr, base::StrCat(config.status().message(), "\n"));
    exit_code = kExitConfig;
    return std::nullopt;
  }
  if (check || dump) {
    Print(stdout, dump ? config::Dump(*config) : base::StrCat(arguments.config_path, ": no problems\n"));
    return std::nullopt;
  }
  arguments.config = *std::move(config);
  return arguments;
}

}  // namespace rktlet
