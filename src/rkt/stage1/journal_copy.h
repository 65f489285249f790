// SPDX-License-Identifier: Apache-2.0
// Copies a container's lines to the journal, in the native protocol of systemd-journald(8): one datagram a line, never
// waited for. What is over the rate limit, or what the journal does not take, is counted; the log file has it anyway.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rkt::stage1 {

class JournalCopy {
 public:
  // `description`: the fourth string of kStdio (spec/supervisor_protocol.h). 0 or an errno.
  int Open(const char* description);
  void Close();
  bool is_open() const { return fd_ >= 0; }

  // A line, or (not `full`) a piece of one, of two pieces of text.
  void Send(bool is_stderr, bool full, const char* first, size_t first_size, const char* second, size_t second_size);

  uint64_t sent() const { return sent_; }
  uint64_t suppressed() const { return suppressed_; }

 private:
  bool Admit();
  bool SendEntry(const char* tail, const char* first, size_t first_size, const char* second, size_t second_size);

  int fd_ = -1;
  char* fields_ = nullptr;  // "FIELD=value\n" each
  int64_t burst_ = 0;       // lines in interval_ ms; 0: no limit
  int64_t interval_ = 0;
  int64_t window_start_ = 0;
  int64_t window_lines_ = 0;
  uint64_t window_suppressed_ = 0;
  uint64_t sent_ = 0;
  uint64_t suppressed_ = 0;
};

}  // namespace rkt::stage1
