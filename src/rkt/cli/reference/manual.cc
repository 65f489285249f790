// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/reference/manual.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "rkt/cli/reference/table.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

std::string Escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  if (absl::StartsWith(escaped, ".") || absl::StartsWith(escaped, "'")) {
    escaped.insert(0, "\\&");
  }
  return escaped;
}

std::string FlagText(const TableFlag& flag) {
  std::string name = StrCat("\\fB", Escape("--" + flag.name));
  if (flag.takes_value) {
    name += StrCat("=\\fI", Escape(flag.placeholder), "\\fR");
  } else if (!flag.placeholder.empty()) {
    name += StrCat("\\fR[\\fB=\\fI", Escape(flag.placeholder), "\\fR]");
  } else {
    name += "\\fR";
  }
  return StrCat(".TP\n", name, "\n", Escape(flag.help), ".\n");
}

std::string CommandText(const TableCommand& command) {
  const std::string arguments = command.arguments.empty() ? "" : StrCat(" \\fI", Escape(command.arguments), "\\fR");
  std::string text = StrCat(".SS \"rkt ", Escape(command.path), arguments, "\"\n", Escape(command.summary), ".\n");
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(command.details, '\n', absl::SkipEmpty()))) {
    text += Escape(line) + "\n";
  }
  for (const TableFlag& flag : command.flags) {
    text += FlagText(flag);
  }
  return text;
}

// Which section a command stands in.
std::string SectionOf(const std::string& path) {
  const std::string group = path.substr(0, path.find(' '));
  if (group == "image" || group == "fetch") {
    return "IMAGES";
  }
  const bool of_pod = path == "app sandbox" || path == "app prepare" || absl::StartsWith(path, "app network");
  if ((group == "app" && !of_pod) || group == "attach" || group == "logs" || group == "enter") {
    return "APPS";
  }
  return group == "version" ? "OTHER COMMANDS" : "PODS";
}

}  // namespace

std::string ManualGlobalFlags() {
  std::string text;
  for (const TableFlag& flag : GlobalTableFlags()) {
    text += FlagText(flag);
  }
  return text;
}

std::string ManualCommands(const Registry& registry) {
  const std::vector<TableCommand> commands = TableOf(registry);
  std::string text;
  for (const char* section : {"PODS", "APPS", "IMAGES", "OTHER COMMANDS"}) {
    text += StrCat(".SH ", section, "\n");
    for (const TableCommand& command : commands) {
      if (SectionOf(command.path) == section) {
        text += CommandText(command);
      }
    }
  }
  return text;
}

}  // namespace rkt::cli
