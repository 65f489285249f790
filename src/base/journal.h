// SPDX-License-Identifier: Apache-2.0
// Structured logging to the journal, in the manner of lg2: a constant message and typed fields
// (journalctl POD_ID=…). The fields WHAT, REASON, ERROR and STATUS are also appended to what journalctl shows; the
// constant message alone is in MESSAGE_TEMPLATE. Where no journal listens (a test, a shell) the same goes to stderr as
// one line.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace rktlet::base::journal {

enum class Priority : uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };  // as syslog(3)

// A field of an entry. Names are upper case (systemd.journal-fields(7)), values any text; secrets never.
struct Field {
  std::string_view name;
  std::string value;

  Field(std::string_view name, std::string_view value) : name(name), value(value) {}
  Field(std::string_view name, const char* value) : name(name), value(value) {}
  Field(std::string_view name, const std::string& value) : name(name), value(value) {}
  Field(std::string_view name, int64_t value) : name(name), value(std::to_string(value)) {}
  Field(std::string_view name, const absl::Status& status) : name(name), value(status.ToString()) {}
};

using Fields = std::initializer_list<Field>;

// Entries below this priority are dropped; the default is kInfo.
void SetLevel(Priority level);

void Log(Priority priority, std::string_view message, Fields fields, std::source_location where);

inline void Error(std::string_view message, Fields fields = {},
                  std::source_location where = std::source_location::current()) {
  Log(Priority::kError, message, fields, where);
}
inline void Warning(std::string_view message, Fields fields = {},
                    std::source_location where = std::source_location::current()) {
  Log(Priority::kWarning, message, fields, where);
}
inline void Notice(std::string_view message, Fields fields = {},
                   std::source_location where = std::source_location::current()) {
  Log(Priority::kNotice, message, fields, where);
}
inline void Info(std::string_view message, Fields fields = {},
                 std::source_location where = std::source_location::current()) {
  Log(Priority::kInfo, message, fields, where);
}
inline void Debug(std::string_view message, Fields fields = {},
                  std::source_location where = std::source_location::current()) {
  Log(Priority::kDebug, message, fields, where);
}

}  // namespace rktlet::base::journal
