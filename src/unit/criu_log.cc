// SPDX-License-Identifier: Apache-2.0
#include "unit/criu_log.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"

namespace rktlet::unit {
namespace {

constexpr int kMost = 3;

}  // namespace

// "(00.012345) Error (criu/files.c:123): Can't dump file …", with "pid: " in front of it where a child says so.
std::string CriuErrors(const std::string& log) {
  std::string errors;
  int count = 0;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const size_t at = line.find("Error (");
    const size_t text = at == absl::string_view::npos ? at : line.find("): ", at);
    if (text == absl::string_view::npos || absl::StrContains(line, "rlimit: Can't setup")) {
      continue;  // the limit is a wish of CRIU's, which goes on without
    }
    errors += base::StrCat(errors.empty() ? "" : "; ", absl::StripAsciiWhitespace(line.substr(text + 3)));
    if (++count == kMost) {
      break;
    }
  }
  return errors;
}

}  // namespace rktlet::unit
