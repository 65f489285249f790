// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>  // renameat only
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

using TemporaryName = Line<320>;

// Writes `data` to a fresh file with a name of our own; its errno.
int WriteTemporary(int dir_fd, const char* name, const char* data, size_t size, TemporaryName* temporary) {
  temporary->Add('.').Add(name).Add('.').AddNumber(getpid()).Add('.').AddNumber(RealtimeNanos()).Add(".tmp");
  const int fd = openat(dir_fd, temporary->data(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno;
  }
  int error = 0;
  while (size > 0 && error == 0) {
    const ssize_t written = write(fd, data, size);
    if (written > 0) {
      data += written;
      size -= static_cast<size_t>(written);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  close(fd);
  if (error != 0) {
    unlinkat(dir_fd, temporary->data(), 0);
  }
  return error;
}

int64_t Now(clockid_t clock, int64_t units_per_second) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * units_per_second + now.tv_nsec / (1'000'000'000 / units_per_second);
}

}  // namespace

int ReadSmallFile(int dir_fd, const char* path, char* buffer, size_t capacity) {
  const int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -errno;
  }
  size_t size = 0;
  int error = 0;
  while (size < capacity - 1) {
    const ssize_t count = read(fd, buffer + size, capacity - 1 - size);
    if (count == 0) {
      break;
    }
    if (count > 0) {
      size += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      error = errno;
      break;
    }
  }
  close(fd);
  buffer[size] = '\0';
  return error != 0 ? -error : static_cast<int>(size);
}

int WriteFileAtomic(int dir_fd, const char* name, const char* data, size_t size) {
  TemporaryName temporary;
  int error = WriteTemporary(dir_fd, name, data, size, &temporary);
  if (error == 0 && renameat(dir_fd, temporary.data(), dir_fd, name) != 0) {
    error = errno;
    unlinkat(dir_fd, temporary.data(), 0);
  }
  return error;
}

int WriteFileOnce(int dir_fd, const char* name, const char* data, size_t size) {
  TemporaryName temporary;
  int error = WriteTemporary(dir_fd, name, data, size, &temporary);
  if (error != 0) {
    return error;
  }
  error = linkat(dir_fd, temporary.data(), dir_fd, name, 0) == 0 ? 0 : errno;
  unlinkat(dir_fd, temporary.data(), 0);
  return error;
}

int WriteExisting(int dir_fd, const char* path, const char* data, size_t size) {
  const int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno;
  }
  const int error = write(fd, data, size) < 0 ? errno : 0;
  close(fd);
  return error;
}

bool FileExists(int dir_fd, const char* path) { return faccessat(dir_fd, path, F_OK, 0) == 0; }

int64_t RealtimeNanos() { return Now(CLOCK_REALTIME, 1'000'000'000); }

int64_t MonotonicMillis() { return Now(CLOCK_MONOTONIC, 1000); }

void ReadBootId(char (*boot_id)[64]) {
  char text[64];
  const int size = ReadSmallFile(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));
  size_t length = 0;
  for (int position = 0; position < size; ++position) {
    if (text[position] != '-' && text[position] != '\n') {
      (*boot_id)[length++] = text[position];
    }
  }
  (*boot_id)[length] = '\0';
}

void Report(const char* what, const char* about, int error) {
  Line<640> line;
  line.Add("rkt-helper: ").Add(what);
  if (*about != '\0') {
    line.Add(' ').Add(about);
  }
  if (error != 0) {
    line.Add(": ").Add(strerror(error));
  }
  line.Add('\n');
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace rkt::stage1
