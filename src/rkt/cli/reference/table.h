// SPDX-License-Identifier: Apache-2.0
// The table of commands as manual page and completions need it: every command that is shown, with its flags and what
// its arguments are.
#pragma once

#include <string>
#include <vector>

#include "rkt/cli/command.h"

namespace rkt::cli {

enum class Operand { kPod, kImage, kFile, kOther };

struct TableFlag {
  std::string name;          // without the dashes
  std::string placeholder;   // empty: it takes no value
  bool takes_value = false;  // false also where a value is possible ("--wait=10s")
  std::string help;
  std::vector<std::string> choices;  // of "text|json"
};

struct TableCommand {
  std::string path;
  std::string arguments;
  std::string summary;
  std::string details;
  std::vector<TableFlag> flags;
  std::vector<Operand> operands;
  bool repeats = false;  // the last operand may come again
};

std::vector<TableCommand> TableOf(const Registry& registry);
std::vector<TableFlag> GlobalTableFlags();

}  // namespace rkt::cli
