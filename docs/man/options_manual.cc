// SPDX-License-Identifier: Apache-2.0
// Run at build time: rktlet.yaml(5) on stdout, from its template on stdin and the daemon's table of options.
#include <iostream>
#include <iterator>
#include <string>

#include "rktlet/config/options.h"

int main() {
  constexpr char kMark[] = "@OPTIONS@\n";
  std::string page{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  const size_t mark = page.find(kMark);
  if (mark == std::string::npos) {
    return 1;
  }
  page.replace(mark, std::char_traits<char>::length(kMark), rktlet::config::ManualText());
  std::cout << page << std::flush;
  return std::cout.good() ? 0 : 1;
}
