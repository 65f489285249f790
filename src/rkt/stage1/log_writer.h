// SPDX-License-Identifier: Apache-2.0
// Writes a container's output as CRI log lines: "<RFC3339Nano UTC> stdout|stderr P|F text\n". A line longer than 16 KiB
// is split into P pieces; the last piece is F, or P when the stream ended without a newline.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

namespace rkt::stage1 {

inline constexpr size_t kMaxLogLine = 16384;

// The log file of a container. A file that cannot be written (full disk, vanished mount) never stops the container:
// what does not fit is dropped, and that is said once.
class LogFile {
 public:
  // Opens `path` for appending, made with 0640 when absent; "" means no log. The old file stays on an error. An errno.
  int Open(const char* path);
  int Reopen();
  void Close();

  bool is_open() const { return fd_ >= 0; }
  uint64_t dropped_bytes() const { return dropped_bytes_; }

  // Writes whole lines; `count` parts as for writev(2). `parts` is scratch afterwards.
  void Write(iovec* parts, int count);

 private:
  void Fail(int error, size_t lost);

  int fd_ = -1;
  char* path_ = nullptr;
  bool failing_ = false;
  uint64_t dropped_bytes_ = 0;
};

// Cuts one output stream into lines.
class LineSplitter {
 public:
  explicit LineSplitter(bool is_stderr) : is_stderr_(is_stderr) {}

  // Takes a piece of output and writes the lines that it completes in as few write calls as possible.
  void Add(LogFile* log, const char* data, size_t size);
  // The stream has ended: writes what is left.
  void Finish(LogFile* log);

 private:
  void Keep(const char* data, size_t size);

  bool is_stderr_;
  char* partial_ = nullptr;  // the beginning of a line whose end has not come yet
  size_t partial_size_ = 0;
  size_t partial_capacity_ = 0;
};

}  // namespace rkt::stage1
