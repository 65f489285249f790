// SPDX-License-Identifier: Apache-2.0
// Writes a container's output as CRI log lines: "<RFC3339Nano UTC> stdout|stderr P|F text\n". A line longer than 16 KiB
// is split into P pieces; the last piece is F, or P when the stream ended without a newline.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "rkt/stage1/journal_copy.h"

namespace rkt::stage1 {

inline constexpr size_t kMaxLogLine = 16384;

// An amount of output: whole lines, and bytes without their heads and newlines.
struct Amount {
  uint64_t lines = 0;
  uint64_t bytes = 0;

  void Add(const Amount& more) {
    lines += more.lines;
    bytes += more.bytes;
  }
};

// The log file of a container. A file that cannot be written (full disk, vanished mount) never stops the container:
// what does not fit is dropped and counted, which is said at the first loss, and how much it was when space returns.
class LogFile {
 public:
  // Opens `path` for appending, made with 0640 when absent; "" means no log. The old file stays on an error. An errno.
  int Open(const char* path);
  int Reopen();
  void Close();

  bool is_open() const { return fd_ >= 0; }
  const Amount& written() const { return written_; }
  const Amount& lost() const { return lost_; }

  // Writes whole lines; `count` parts as for writev(2), which are scratch afterwards. False: nothing of them is in the
  // file, and `amount` counts as lost.
  bool Write(iovec* parts, int count, const Amount& amount);
  // Counts output that is not written because of an earlier loss.
  void Skip(const Amount& amount) { lost_.Add(amount); }

 private:
  bool IsSameFile(int fd) const;
  bool MendTear();
  void Fail(int error, const Amount& amount);
  void Recover();

  int fd_ = -1;
  char* path_ = nullptr;
  bool failing_ = false;
  bool torn_ = false;  // the file ends in a piece of a line that could not be taken back
  Amount written_;
  Amount lost_;
  Amount lost_before_;  // what was lost before the present failure
};

// Cuts one output stream into lines.
class LineSplitter {
 public:
  explicit LineSplitter(bool is_stderr) : is_stderr_(is_stderr) {}

  // Takes a piece of output and writes the lines that it completes in as few write calls as possible.
  void Add(LogFile* log, JournalCopy* journal, const char* data, size_t size);
  // The stream has ended: writes what is left.
  void Finish(LogFile* log, JournalCopy* journal);

 private:
  friend class Batch;

  void Keep(LogFile* log, const char* data, size_t size);

  bool is_stderr_;
  // A line of which a piece was lost ends there for whoever reads the file: its rest is lost, too, and pieces of it
  // that are in the file get an end before the next line. The journal has all of it.
  bool unfinished_ = false;  // the last of this stream in the file is a P
  bool lost_ = false;        // the last batch is not in the file
  bool skipping_ = false;    // until the next full line
  char* partial_ = nullptr;  // the beginning of a line whose end has not come yet
  size_t partial_size_ = 0;
  size_t partial_capacity_ = 0;
};

}  // namespace rkt::stage1
