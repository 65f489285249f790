// SPDX-License-Identifier: Apache-2.0
// Run at build time: rkt(1) on stdout from its template on stdin, or the completions of a shell, both made of the table
// of commands.
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "rkt/cli/reference/completion.h"
#include "rkt/cli/reference/manual.h"

namespace {

bool Replace(std::string& page, std::string_view mark, const std::string& text) {
  const size_t at = page.find(mark);
  if (at == std::string::npos) {
    return false;
  }
  page.replace(at, mark.size(), text);
  return true;
}

bool PrintManual(const rkt::cli::Registry& registry) {
  std::string page{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  if (!Replace(page, "@GLOBAL_FLAGS@\n", rkt::cli::ManualGlobalFlags()) ||
      !Replace(page, "@COMMANDS@\n", rkt::cli::ManualCommands(registry))) {
    return false;
  }
  std::cout << page << std::flush;
  return std::cout.good();
}

}  // namespace

int main(int argc, char** argv) {
  rkt::cli::Registry registry;
  rkt::cli::RegisterCommands(registry);
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "man") {
    return PrintManual(registry) ? 0 : 1;
  }
  if (what == "bash") {
    std::cout << rkt::cli::BashCompletion(registry) << std::flush;
  } else if (what == "zsh") {
    std::cout << rkt::cli::ZshCompletion(registry) << std::flush;
  } else if (what == "fish") {
    std::cout << rkt::cli::FishCompletion(registry) << std::flush;
  } else {
    std::cerr << "usage: commands_manual man|bash|zsh|fish\n";
    return 1;
  }
  return std::cout.good() ? 0 : 1;
}
