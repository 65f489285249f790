// SPDX-License-Identifier: Apache-2.0
#include "base/journal.h"

#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/strings.h"

namespace rktlet::base::journal {
namespace {

std::atomic<Priority> level{Priority::kInfo};

// systemd tells a service by this variable that its stderr goes to the journal; then so do we, with fields.
bool UnderSystemd() {
  static const bool under_systemd = std::getenv("JOURNAL_STREAM") != nullptr;
  return under_systemd;
}

// What a person reads: the constant message, and behind it the words of the fields that say what and why.
std::string ForPeople(std::string_view message, Fields fields) {
  std::string text(message);
  for (const Field& field : fields) {
    if (field.name == "WHAT" || field.name == "REASON" || field.name == "ERROR" || field.name == "STATUS") {
      text += StrCat(": ", field.value);
    }
  }
  return text;
}

void ToStderr(Priority priority, std::string_view message, Fields fields) {
  std::string line = StrCat("<", static_cast<int>(priority), "> ", message);
  for (const Field& field : fields) {
    line += StrCat(" ", field.name, "=", field.value);
  }
  line += '\n';
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) {
    return;  // nobody to tell
  }
}

}  // namespace

void SetLevel(Priority new_level) { level = new_level; }

void Log(Priority priority, std::string_view message, Fields fields, std::source_location where) {
  if (priority > level.load()) {
    return;
  }
  if (!UnderSystemd()) {
    ToStderr(priority, message, fields);
    return;
  }
  std::vector<std::string> entries = {StrCat("MESSAGE=", ForPeople(message, fields)),
                                      StrCat("MESSAGE_TEMPLATE=", message),
                                      StrCat("PRIORITY=", static_cast<int>(priority)),
                                      StrCat("CODE_FILE=", where.file_name()),
                                      StrCat("CODE_LINE=", where.line()),
                                      StrCat("CODE_FUNC=", where.function_name())};
  for (const Field& field : fields) {
    entries.push_back(StrCat(field.name, "=", field.value));
  }
  std::vector<iovec> vectors;
  vectors.reserve(entries.size());
  for (std::string& entry : entries) {
    vectors.push_back({.iov_base = entry.data(), .iov_len = entry.size()});
  }
  if (::sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size())) < 0) {
    ToStderr(priority, message, fields);
  }
}

}  // namespace rktlet::base::journal
