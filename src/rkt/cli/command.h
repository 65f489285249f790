// SPDX-License-Identifier: Apache-2.0
// What a subcommand is. One file a subcommand defines a class derived from Command and one function that enters it
// into the Registry, which is the single table behind dispatch, --help and the usage on stderr.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rkt/cli/context.h"
#include "rkt/cli/flags.h"

namespace rkt::cli {

inline constexpr int kExitFailure = 254;

class Command {
 public:
  virtual ~Command() = default;
  // Defines the command's flags; targets are members.
  virtual void DefineFlags(FlagSet& flags) { static_cast<void>(flags); }
  // Runs it and returns its exit code; nothing has been printed to stdout when it fails (write results to
  // context.out()). An error is printed as `COMMAND: message` and ends with CommandInfo::failure_code; a UsageError
  // prints the usage too.
  virtual absl::StatusOr<int> Run(Context& context, const Positionals& positionals) = 0;
};

struct CommandInfo {
  std::string path = {};       // "app add"
  std::string arguments = {};  // "POD IMAGE [-- ARG… ---]"
  std::string summary = {};    // one line, no full stop
  std::string details = {};    // further lines of --help; may be empty
  int min_args = 0;            // positionals; fewer or more are a usage error
  int max_args = -1;           // -1: any number
  // Everything from the first positional on is positional (`app exec POD cmd --flag-of-cmd`).
  bool stop_at_positional = false;
  int failure_code = kExitFailure;
  bool hidden = false;
  std::function<std::unique_ptr<Command>()> make = {};
};

class Registry {
 public:
  template <typename T>
  void Add(CommandInfo info) {
    info.make = [] { return std::make_unique<T>(); };
    commands_.push_back(std::move(info));
  }
  void Add(CommandInfo info) { commands_.push_back(std::move(info)); }

  const CommandInfo* Find(std::string_view path) const;
  // True when a command's path begins with the words of `path` and goes on.
  bool IsGroup(std::string_view path) const;
  const std::vector<CommandInfo>& commands() const { return commands_; }

 private:
  std::vector<CommandInfo> commands_;
};

// Every command of the program, in the order of the help.
void RegisterCommands(Registry& registry);

// Parses, dispatches, prints; the program's exit code. `args` without argv[0].
int RunMain(const std::vector<std::string>& args, const Registry& registry);

}  // namespace rkt::cli
