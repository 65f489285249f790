// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

constexpr int kMaxParts = 256;

// "2026-11-22T11:15:00.123456789Z stdout F ", the same for all lines of a batch but for the tag.
struct Heads {
  explicit Heads(bool is_stderr) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    Text* const heads[] = {&full, &part};
    for (Text* head : heads) {
      head->AddPadded(static_cast<unsigned>(parts.tm_year + 1900), 4).Add('-');
      head->AddPadded(static_cast<unsigned>(parts.tm_mon + 1), 2).Add('-');
      head->AddPadded(static_cast<unsigned>(parts.tm_mday), 2).Add('T');
      head->AddPadded(static_cast<unsigned>(parts.tm_hour), 2).Add(':');
      head->AddPadded(static_cast<unsigned>(parts.tm_min), 2).Add(':');
      head->AddPadded(static_cast<unsigned>(parts.tm_sec), 2).Add('.');
      head->AddPadded(static_cast<unsigned>(now.tv_nsec), 9).Add('Z');
      head->Add(is_stderr ? " stderr " : " stdout ").Add(head == &full ? "F " : "P ");
    }
  }

  Line<64> full;
  Line<64> part;
};

// Takes the first `size` bytes off the parts.
void Advance(iovec** parts, int* count, size_t size) {
  while (*count > 0 && size >= (*parts)->iov_len) {
    size -= (*parts)->iov_len;
    ++*parts;
    --*count;
  }
  if (*count > 0) {
    (*parts)->iov_base = static_cast<char*>((*parts)->iov_base) + size;
    (*parts)->iov_len -= size;
  }
}

}  // namespace

// Parts of lines on their way into the log.
class Batch {
 public:
  Batch(LogFile* log, JournalCopy* journal, LineSplitter* splitter)
      : log_(log), journal_(journal), splitter_(splitter), heads_(splitter->is_stderr_) {}

  // A line, or a piece of one, of two pieces of text.
  void AddLine(bool full, const char* first, size_t first_size, const char* second, size_t second_size) {
    if (journal_->is_open()) {
      journal_->Send(splitter_->is_stderr_, full, first, first_size, second, second_size);
    }
    if (!log_->is_open()) {
      return;
    }
    if (count_ + 6 > kMaxParts) {
      Flush();
    }
    if (splitter_->skipping_) {
      log_->Skip({full ? 1U : 0U, first_size + second_size});
      splitter_->skipping_ = !full;
      return;
    }
    if (count_ == 0 && splitter_->unfinished_ && splitter_->lost_) {
      Push(heads_.full.data(), heads_.full.size());
      Push("\n", 1);
    }
    const Text& head = full ? static_cast<const Text&>(heads_.full) : static_cast<const Text&>(heads_.part);
    Push(head.data(), head.size());
    Push(first, first_size);
    Push(second, second_size);
    Push("\n", 1);
    amount_.Add({full ? 1U : 0U, first_size + second_size});
    ends_full_ = full;
  }

  void Flush() {
    if (count_ == 0) {
      return;
    }
    if (log_->Write(parts_, count_, amount_)) {
      splitter_->unfinished_ = !ends_full_;
      splitter_->lost_ = false;
    } else {
      splitter_->lost_ = true;
      splitter_->skipping_ = !ends_full_;
    }
    count_ = 0;
    amount_ = Amount();
  }

 private:
  void Push(const char* data, size_t size) {
    if (size > 0) {
      parts_[count_++] = iovec{const_cast<char*>(data), size};  // writev(2) does not write there
    }
  }

  LogFile* log_;
  JournalCopy* journal_;
  LineSplitter* splitter_;
  Heads heads_;
  Amount amount_;
  bool ends_full_ = true;
  iovec parts_[kMaxParts];
  int count_ = 0;
};

int LogFile::Open(const char* path) {
  if (*path == '\0') {
    Close();
    return 0;
  }
  const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
  if (fd < 0) {
    return errno;
  }
  char* copy = strdup(path);
  if (copy == nullptr) {
    close(fd);
    return ENOMEM;
  }
  Close();
  fd_ = fd;
  path_ = copy;
  return 0;
}

int LogFile::Reopen() {
  if (path_ == nullptr) {
    return 0;
  }
  const int fd = open(path_, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
  if (fd < 0) {
    return errno;
  }
  torn_ = torn_ && IsSameFile(fd);
  if (fd_ >= 0) {
    close(fd_);
  }
  fd_ = fd;
  return 0;
}

// Whether it is the file that we have, and has not been emptied.
bool LogFile::IsSameFile(int fd) const {
  struct stat before {};
  struct stat now {};
  return fstat(fd_, &before) == 0 && fstat(fd, &now) == 0 && before.st_dev == now.st_dev &&
         before.st_ino == now.st_ino && now.st_size > 0;
}

void LogFile::Close() {
  if (fd_ >= 0) {
    close(fd_);
  }
  free(path_);
  fd_ = -1;
  path_ = nullptr;
  failing_ = torn_ = false;
}

// A line that was cut off gets an end, so that it spoils no other.
bool LogFile::MendTear() {
  if (torn_ && write(fd_, "\n", 1) == 1) {
    torn_ = false;
  }
  return !torn_;
}

bool LogFile::Write(iovec* parts, int count, const Amount& amount) {
  if (fd_ < 0) {
    return true;
  }
  if (!MendTear()) {
    Fail(errno, amount);
    return false;
  }
  size_t written = 0;
  while (count > 0) {
    const ssize_t result = writev(fd_, parts, count);
    if (result > 0) {
      written += static_cast<size_t>(result);
      Advance(&parts, &count, static_cast<size_t>(result));
    } else if (result == 0 || errno != EINTR) {
      const int error = result == 0 ? EIO : errno;
      // A torn line would spoil the next one: the file goes back to where this batch began.
      struct stat info {};
      if (written > 0 && (fstat(fd_, &info) != 0 || info.st_size < static_cast<off_t>(written) ||
                          ftruncate(fd_, info.st_size - static_cast<off_t>(written)) != 0)) {
        torn_ = true;
      }
      Fail(error, amount);
      return false;
    }
  }
  written_.Add(amount);
  if (failing_) {
    Recover();
  }
  return true;
}

void LogFile::Fail(int error, const Amount& amount) {
  if (!failing_) {
    failing_ = true;
    lost_before_ = lost_;
    Report("dropping output, cannot write to", path_, error);
  }
  lost_.Add(amount);
}

void LogFile::Recover() {
  failing_ = false;
  Line<512> about;
  about.Add(path_).Add(": lost ").AddNumber(static_cast<int64_t>(lost_.lines - lost_before_.lines)).Add(" lines, ");
  about.AddNumber(static_cast<int64_t>(lost_.bytes - lost_before_.bytes)).Add(" bytes of output");
  Report("writing again to", about.data(), 0);
}

void LineSplitter::Keep(LogFile* log, const char* data, size_t size) {
  if (partial_size_ + size > partial_capacity_) {
    size_t capacity = partial_capacity_ < 512 ? 512 : partial_capacity_;
    while (capacity < partial_size_ + size) {
      capacity *= 2;
    }
    char* larger = static_cast<char*>(realloc(partial_, capacity));
    if (larger == nullptr) {
      log->Skip({0, size});
      Report("dropping output", "", ENOMEM);
      return;
    }
    partial_ = larger;
    partial_capacity_ = capacity;
  }
  memcpy(partial_ + partial_size_, data, size);
  partial_size_ += size;
}

void LineSplitter::Add(LogFile* log, JournalCopy* journal, const char* data, size_t size) {
  if (!log->is_open() && !journal->is_open()) {
    return;
  }
  Batch batch(log, journal, this);
  const char* const end = data + size;
  while (data < end) {
    const char* newline = static_cast<const char*>(memchr(data, '\n', static_cast<size_t>(end - data)));
    const size_t length = static_cast<size_t>((newline != nullptr ? newline : end) - data);
    if (partial_size_ + length > kMaxLogLine) {
      const size_t piece = kMaxLogLine - partial_size_;
      batch.AddLine(false, partial_, partial_size_, data, piece);
      data += piece;
    } else if (newline != nullptr) {
      batch.AddLine(true, partial_, partial_size_, data, length);
      data = newline + 1;
    } else {
      batch.Flush();  // it may point into the memory that Keep() overwrites
      Keep(log, data, length);
      break;
    }
    partial_size_ = 0;
  }
  batch.Flush();
  if (partial_size_ == 0 && partial_ != nullptr) {
    free(partial_);
    partial_ = nullptr;
    partial_capacity_ = 0;
  }
}

void LineSplitter::Finish(LogFile* log, JournalCopy* journal) {
  if (partial_size_ > 0) {
    Batch batch(log, journal, this);
    batch.AddLine(false, partial_, partial_size_, nullptr, 0);
    batch.Flush();
  }
  free(partial_);
  partial_ = nullptr;
  partial_size_ = 0;
  partial_capacity_ = 0;
  unfinished_ = skipping_ = lost_ = false;
}

}  // namespace rkt::stage1
