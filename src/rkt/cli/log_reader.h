// SPDX-License-Identifier: Apache-2.0
// Reading the log files that supervisors write, past rotations, and printing their lines.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::cli {

// "<RFC3339Nano> stdout|stderr F|P text", taken apart.
struct LogLine {
  std::string_view time;
  bool is_stderr = false;
  bool partial = false;
  std::string_view text;
};
std::optional<LogLine> ParseLogLine(std::string_view line);

// Reads a log file from its begin to its end, and on while it grows; a rotated one to its end, then its successor.
class LogReader {
 public:
  explicit LogReader(std::string path) : path_(std::move(path)) {}

  absl::Status Open();
  // The next whole line; nullopt: there is none now.
  std::optional<std::string> Next();
  // Returns when the log has changed, or half a second later.
  void AwaitChange() const;
  // Readable when something happened in the log's directory; Settle() makes it unreadable again.
  int watch() const { return watch_.get(); }
  void Settle() const;

 private:
  bool TakeSuccessor();

  std::string path_;
  rktlet::base::UniqueFd fd_;
  rktlet::base::UniqueFd watch_;
  std::string buffer_;
  size_t begin_ = 0;
  ino_t successor_seen_ = 0;
};

// Prints lines of a log to our stdout and stderr, the pieces of a long one joined.
class LogPrinter {
 public:
  bool timestamps = false;
  std::string not_before;  // an RFC 3339 time: older lines are left out
  std::string prefix;      // in front of each line

  absl::Status Print(const std::string& line);

 private:
  bool inside_stdout_ = false;  // of a line whose pieces are printed
  bool inside_stderr_ = false;
};

}  // namespace rkt::cli
