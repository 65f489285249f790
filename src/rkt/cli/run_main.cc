// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/strings.h"
#include "rkt/cli/command.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

void Print(FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

std::string GlobalHelp() {
  GlobalFlags globals;
  FlagSet flags;
  globals.Define(flags);
  return StrCat("Global flags:\n", flags.Help());
}

// The commands whose path begins with `prefix` ("" for all).
std::string Overview(const Registry& registry, const std::string& prefix) {
  std::string text = StrCat("Usage: rkt [global flags] ", prefix.empty() ? "" : prefix + " ",
                            "COMMAND [flags] [args]\n\n", "Commands:\n");
  for (const CommandInfo& info : registry.commands()) {
    if (info.hidden || !(prefix.empty() || info.path.starts_with(prefix + " "))) {
      continue;
    }
    std::string line = "  " + info.path;
    line.append(line.size() < 22 ? 22 - line.size() : 2, ' ');
    text += StrCat(line, info.summary, "\n");
  }
  return StrCat(text, "\n", GlobalHelp(), "\nrkt COMMAND --help describes a command; see also rkt(1).\n");
}

std::string UsageLine(const CommandInfo& info) {
  return StrCat("Usage: rkt [global flags] ", info.path, " [flags]", info.arguments.empty() ? "" : " ", info.arguments,
                "\n");
}

std::string CommandHelp(const CommandInfo& info, const FlagSet& own_flags) {
  std::string text = StrCat(UsageLine(info), "\n", info.summary, ".\n");
  if (!info.details.empty()) {
    text += StrCat("\n", info.details, "\n");
  }
  if (const std::string help = own_flags.Help(); !help.empty()) {
    text += StrCat("\nFlags:\n", help);
  }
  return StrCat(text, "\n", GlobalHelp());
}

struct Selection {
  const CommandInfo* info = nullptr;
  std::string words;  // of the path found so far
  size_t next = 0;    // index of the first argument after the path
  bool help = false;
};

// Finds the command: its words, with global flags anywhere among them.
absl::StatusOr<Selection> Select(const std::vector<std::string>& args, const Registry& registry,
                                 const FlagSet& global_flags) {
  Selection selection;
  size_t index = 0;
  while (index < args.size() && selection.info == nullptr) {
    const std::string& arg = args[index];
    if (arg.starts_with("-")) {
      absl::Status status = global_flags.ParseOne(args, &index);
      if (absl::IsNotFound(status)) {
        return UsageError(StrCat(rktlet::base::ToStd(status.message()), " before the command"));
      }
      RETURN_IF_ERROR(status);
      continue;
    }
    if (selection.words.empty() && arg == "help") {
      selection.help = true;
      ++index;
      continue;
    }
    const std::string words = selection.words.empty() ? arg : StrCat(selection.words, " ", arg);
    selection.info = registry.Find(words);
    if (selection.info == nullptr && !registry.IsGroup(words)) {
      return UsageError(StrCat("unknown command \"", words, "\""));
    }
    selection.words = words;
    ++index;
  }
  selection.next = index;
  selection.help = selection.help || global_flags.help_requested();
  return selection;
}

absl::Status CheckCount(const CommandInfo& info, size_t count) {
  if (count < static_cast<size_t>(info.min_args)) {
    return UsageError(count == 0 ? "an argument is missing" : "too few arguments");
  }
  if (info.max_args >= 0 && count > static_cast<size_t>(info.max_args)) {
    return UsageError("too many arguments");
  }
  return absl::OkStatus();
}

int Fail(const std::string& command, const absl::Status& status, std::string_view usage, int code) {
  Print(stderr, StrCat(command, ": ", status.message(), "\n"));
  if (std::getenv("RKT_STATUS_LINE") != nullptr) {
    // For a program that runs us: the exit code cannot tell what kind of error it was. The number is an
    // absl::StatusCode.
    Print(stderr, StrCat("rkt-status: ", static_cast<int>(status.code()), "\n"));
  }
  if (IsUsageError(status)) {
    Print(stderr, usage);
    return kExitFailure;
  }
  return code;
}

int RunCommand(const CommandInfo& info, const std::vector<std::string>& args, GlobalFlags& globals,
               const FlagSet& global_flags, bool help) {
  const std::unique_ptr<Command> command = info.make();
  FlagSet own_flags;
  command->DefineFlags(own_flags);
  FlagSet flags = own_flags;
  for (const Flag& flag : global_flags.flags()) {
    flags.Custom(flag);
  }
  auto positionals = flags.Parse(args, info.stop_at_positional);
  if (help || flags.help_requested()) {
    Print(stdout, CommandHelp(info, own_flags));
    return 0;
  }
  const std::string usage = StrCat(UsageLine(info), "rkt ", info.path, " --help says more.\n");
  if (!positionals.ok()) {
    return Fail(info.path, positionals.status(), usage, kExitFailure);
  }
  if (absl::Status status = CheckCount(info, positionals->args.size()); !status.ok()) {
    return Fail(info.path, status, usage, kExitFailure);
  }
  Context context(globals, info.path);
  if (!globals.system_config.empty() || !globals.local_config.empty() || !globals.user_config.empty()) {
    context.Debug("--system-config, --local-config and --user-config have no meaning any more and are ignored");
  }
  for (const std::string& option : globals.insecure_options) {
    if (option == "ondisk") {
      context.Debug("--insecure-options=ondisk has no meaning any more and is ignored");
    }
  }
  absl::StatusOr<int> code = command->Run(context, *positionals);
  if (!code.ok()) {
    return Fail(info.path, code.status(), usage, info.failure_code);
  }
  if (absl::Status status = context.Flush(); !status.ok()) {
    return Fail(info.path, status, usage, info.failure_code);
  }
  return *code;
}

}  // namespace

const CommandInfo* Registry::Find(std::string_view path) const {
  const auto found =
      std::find_if(commands_.begin(), commands_.end(), [&](const CommandInfo& info) { return info.path == path; });
  return found == commands_.end() ? nullptr : &*found;
}

bool Registry::IsGroup(std::string_view path) const {
  const std::string prefix = StrCat(path, " ");
  return std::any_of(commands_.begin(), commands_.end(),
                     [&](const CommandInfo& info) { return info.path.starts_with(prefix); });
}

int RunMain(const std::vector<std::string>& args, const Registry& registry) {
  GlobalFlags globals;
  FlagSet global_flags;
  globals.Define(global_flags);
  auto selection = Select(args, registry, global_flags);
  if (!selection.ok()) {
    return Fail("rkt", selection.status(), "Usage: rkt [global flags] COMMAND [flags] [args]; see rkt --help.\n",
                kExitFailure);
  }
  if (selection->info == nullptr) {
    Print(selection->help ? stdout : stderr, Overview(registry, selection->words));
    return selection->help ? 0 : kExitFailure;
  }
  const std::vector<std::string> rest(args.begin() + static_cast<ptrdiff_t>(selection->next), args.end());
  return RunCommand(*selection->info, rest, globals, global_flags, selection->help);
}

}  // namespace rkt::cli
