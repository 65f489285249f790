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

constexpr int kMaxParts = 128;

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

// Parts of lines on their way into the log.
class Batch {
 public:
  Batch(LogFile* log, bool is_stderr) : log_(log), heads_(is_stderr) {}

  // A line of up to two pieces of text. `newline`: the second piece brings its own.
  void AddLine(bool full, const char* first, size_t first_size, const char* second, size_t second_size, bool newline) {
    if (count_ + 4 > kMaxParts) {
      Flush();
    }
    const Text& head = full ? static_cast<const Text&>(heads_.full) : static_cast<const Text&>(heads_.part);
    Push(head.data(), head.size());
    Push(first, first_size);
    Push(second, second_size);
    if (!newline) {
      Push("\n", 1);
    }
  }

  void Flush() {
    if (count_ > 0) {
      log_->Write(parts_, count_);
      count_ = 0;
    }
  }

 private:
  void Push(const char* data, size_t size) {
    if (size > 0) {
      parts_[count_++] = iovec{const_cast<char*>(data), size};  // writev(2) does not write there
    }
  }

  LogFile* log_;
  Heads heads_;
  iovec parts_[kMaxParts];
  int count_ = 0;
};

size_t TotalSize(const iovec* parts, int count) {
  size_t size = 0;
  for (int index = 0; index < count; ++index) {
    size += parts[index].iov_len;
  }
  return size;
}

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
  failing_ = false;
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
  if (fd_ >= 0) {
    close(fd_);
  }
  fd_ = fd;
  failing_ = false;
  return 0;
}

void LogFile::Close() {
  if (fd_ >= 0) {
    close(fd_);
  }
  free(path_);
  fd_ = -1;
  path_ = nullptr;
}

void LogFile::Write(iovec* parts, int count) {
  if (fd_ < 0) {
    return;
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
      if (written > 0 && fstat(fd_, &info) == 0 && info.st_size >= static_cast<off_t>(written)) {
        [[maybe_unused]] const int ignored = ftruncate(fd_, info.st_size - static_cast<off_t>(written));
      }
      Fail(error, written + TotalSize(parts, count));
      return;
    }
  }
  if (failing_) {
    failing_ = false;
    Report("writing again to", path_, 0);
  }
}

void LogFile::Fail(int error, size_t lost) {
  dropped_bytes_ += lost;
  if (!failing_) {
    failing_ = true;
    Report("dropping output, cannot write to", path_, error);
  }
}

void LineSplitter::Keep(const char* data, size_t size) {
  if (partial_size_ + size > partial_capacity_) {
    size_t capacity = partial_capacity_ < 512 ? 512 : partial_capacity_;
    while (capacity < partial_size_ + size) {
      capacity *= 2;
    }
    char* larger = static_cast<char*>(realloc(partial_, capacity));
    if (larger == nullptr) {
      Report("dropping output", "", ENOMEM);
      return;
    }
    partial_ = larger;
    partial_capacity_ = capacity;
  }
  memcpy(partial_ + partial_size_, data, size);
  partial_size_ += size;
}

void LineSplitter::Add(LogFile* log, const char* data, size_t size) {
  if (!log->is_open()) {
    return;
  }
  Batch batch(log, is_stderr_);
  const char* const end = data + size;
  while (data < end) {
    const char* newline = static_cast<const char*>(memchr(data, '\n', static_cast<size_t>(end - data)));
    const size_t length = static_cast<size_t>((newline != nullptr ? newline : end) - data);
    if (partial_size_ + length > kMaxLogLine) {
      const size_t piece = kMaxLogLine - partial_size_;
      batch.AddLine(false, partial_, partial_size_, data, piece, false);
      data += piece;
    } else if (newline != nullptr) {
      batch.AddLine(true, partial_, partial_size_, data, length + 1, true);
      data = newline + 1;
    } else {
      batch.Flush();  // it may point into the memory that Keep() overwrites
      Keep(data, length);
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

void LineSplitter::Finish(LogFile* log) {
  if (partial_size_ > 0) {
    Batch batch(log, is_stderr_);
    batch.AddLine(false, partial_, partial_size_, nullptr, 0, false);
    batch.Flush();
  }
  free(partial_);
  partial_ = nullptr;
  partial_size_ = 0;
  partial_capacity_ = 0;
}

}  // namespace rkt::stage1
