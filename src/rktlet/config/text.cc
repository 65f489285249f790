// SPDX-License-Identifier: Apache-2.0
// The table of options as text: for --dump-config, the installed file, --help and the manual page.
#include <string_view>

#include "base/strings.h"
#include "rktlet/config/options.h"

namespace rktlet::config {
namespace {

using base::StrCat;

constexpr size_t kWidth = 100;

// `text` in lines of at most kWidth, each after `prefix`.
std::string Wrap(std::string_view text, std::string_view prefix) {
  std::string wrapped;
  std::string line(prefix);
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (line.size() + end + 1 > kWidth && line.size() > prefix.size()) {
      wrapped += line + "\n";
      line = prefix;
    }
    line += line.size() > prefix.size() ? StrCat(" ", text.substr(0, end)) : std::string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return wrapped + line + "\n";
}

std::string Troff(std::string_view text) {
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
  return escaped;
}

std::string WhenItActs(const Option& option) { return option.live ? "" : " Takes a restart."; }

}  // namespace

std::string Dump(const Config& config) {
  std::string text;
  std::string section;
  for (const Option& option : Options()) {
    if (option.section != section) {
      text += StrCat(section.empty() ? "" : "\n", option.section, ":\n");
      section = option.section;
    }
    text += StrCat("  ", option.name, ": ", option.show(config), "\n");
  }
  return text;
}

std::string DefaultFile() {
  std::string text =
      "# Configuration of rktlet, see rktlet.yaml(5). What is commented out is the default. Files in\n"
      "# /etc/rktlet/rktlet.yaml.d/*.yaml are read after this one, in the order of their names, and win.\n"
      "#   rktlet --check-config      says what is wrong, with file and line\n"
      "#   systemctl reload rktlet    takes changes over; keys that take a restart say so here\n";
  std::string section;
  const Config defaults;
  for (const Option& option : Options()) {
    if (option.section != section) {
      text += StrCat("\n", option.section, ":\n");
      section = option.section;
    }
    text += Wrap(option.help + WhenItActs(option), "  # ");
    text += StrCat("  #", option.name, ": ", option.show(defaults), "\n");
  }
  return text;
}

std::string HelpText() {
  std::string text;
  const Config defaults;
  for (const Option& option : Options()) {
    text += StrCat("  ", option.key(), ": ", option.placeholder, " (", option.show(defaults), ")\n",
                   Wrap(option.help + WhenItActs(option), "      "));
  }
  return text;
}

std::string ManualText() {
  std::string text;
  std::string section;
  const Config defaults;
  for (const Option& option : Options()) {
    if (option.section != section) {
      text += StrCat(".SS ", option.section, "\n");
      section = option.section;
    }
    text += StrCat(".TP\n.BR ", Troff(option.name), " \": \" \\fI", Troff(option.placeholder), "\\fR\n",
                   Troff(option.help + WhenItActs(option)), "\nDefault: \\fB", Troff(option.show(defaults)), "\\fR.\n");
  }
  return text;
}

}  // namespace rktlet::config
