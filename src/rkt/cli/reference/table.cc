// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/reference/table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace rkt::cli {
namespace {

// "text|json|json-pretty" is a choice; "NAME", "FILE|-" and "[mode=retain|remove,]@SET" are not.
std::vector<std::string> ChoicesOf(const std::string& placeholder) {
  const bool plain = std::all_of(placeholder.begin(), placeholder.end(),
                                 [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '|'; });
  if (!plain || placeholder.find('|') == std::string::npos) {
    return {};
  }
  return absl::StrSplit(placeholder, '|');
}

std::vector<TableFlag> FlagsOf(const FlagSet& set) {
  std::vector<TableFlag> flags;
  for (const Flag& flag : set.flags()) {
    if (!flag.hidden) {
      flags.push_back({flag.name, flag.placeholder, !flag.boolean, flag.help, ChoicesOf(flag.placeholder)});
    }
  }
  return flags;
}

void SetOperands(TableCommand& command) {
  for (std::string word : std::vector<std::string>(absl::StrSplit(command.arguments, ' ', absl::SkipEmpty()))) {
    if (absl::StartsWith(word, "[--") || absl::StartsWith(word, "--")) {
      continue;  // a flag, shown for its importance
    }
    word.erase(0, word.find_first_not_of('['));
    const bool image = absl::StartsWith(word, "IMAGE") || absl::StartsWith(word, "REF");
    const Operand operand = absl::StartsWith(word, "POD")    ? Operand::kPod
                            : image                          ? Operand::kImage
                            : absl::StartsWith(word, "FILE") ? Operand::kFile
                                                             : Operand::kOther;
    if (operand == Operand::kOther) {
      break;
    }
    command.operands.push_back(operand);
    command.repeats = absl::StrContains(word, "…");
  }
}

}  // namespace

std::vector<TableCommand> TableOf(const Registry& registry) {
  std::vector<TableCommand> commands;
  for (const CommandInfo& info : registry.commands()) {
    if (info.hidden) {
      continue;
    }
    FlagSet set;
    const auto command = info.make();
    command->DefineFlags(set);
    TableCommand entry{info.path, info.arguments, info.summary, info.details, FlagsOf(set), {}, false};
    SetOperands(entry);
    commands.push_back(std::move(entry));
  }
  return commands;
}

std::vector<TableFlag> GlobalTableFlags() {
  GlobalFlags globals;
  FlagSet set;
  globals.Define(set);
  return FlagsOf(set);
}

}  // namespace rkt::cli
