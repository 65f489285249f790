// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/journal_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

constexpr char kSocket[] = "/run/systemd/journal/socket";

// Tests have a journal of their own.
const char* SocketPath() {
  const char* path = getenv("RKT_JOURNAL_SOCKET");
  return path != nullptr && *path != '\0' ? path : kSocket;
}

// "BURST INTERVAL": the two numbers of the first line.
bool ParseLimit(const char* line, size_t size, int64_t* burst, int64_t* interval) {
  Line<64> text;
  text.Add(line, size);
  char* space = const_cast<char*>(strchr(text.data(), ' '));
  if (text.cut() || space == nullptr) {
    return false;
  }
  *space = '\0';
  return ParseNumber(text.data(), burst) && ParseNumber(space + 1, interval) && *burst >= 0 && *interval >= 0;
}

}  // namespace

int JournalCopy::Open(const char* description) {
  Close();
  const char* newline = strchr(description, '\n');
  if (newline == nullptr || !ParseLimit(description, static_cast<size_t>(newline - description), &burst_, &interval_)) {
    return EINVAL;
  }
  fields_ = strdup(newline + 1);
  if (fields_ == nullptr) {
    return ENOMEM;
  }
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) {
    const int error = errno;
    Close();
    return error;
  }
  window_start_ = MonotonicMillis();
  window_lines_ = 0;
  window_suppressed_ = 0;
  return 0;
}

void JournalCopy::Close() {
  if (fd_ >= 0) {
    close(fd_);
  }
  free(fields_);
  fd_ = -1;
  fields_ = nullptr;
}

void JournalCopy::Send(bool is_stderr, bool full, const char* first, size_t first_size, const char* second,
                       size_t second_size) {
  if (!Admit()) {
    return;
  }
  Line<128> tail;
  tail.Add("\nPRIORITY=").Add(is_stderr ? "3" : "6").Add("\nCONTAINER_STREAM=").Add(is_stderr ? "stderr" : "stdout");
  tail.Add(full ? "\n" : "\nCONTAINER_PARTIAL_MESSAGE=true\n");
  if (SendEntry(tail.data(), first, first_size, second, second_size)) {
    ++sent_;
  } else {
    ++suppressed_;
  }
}

// Whether the rate limit lets one more line pass. What it did not let pass is said at the begin of the next interval.
bool JournalCopy::Admit() {
  if (burst_ == 0 || interval_ == 0) {
    return true;
  }
  const int64_t now = MonotonicMillis();
  if (now - window_start_ >= interval_) {
    if (window_suppressed_ > 0) {
      Line<128> notice;
      notice.AddNumber(static_cast<int64_t>(window_suppressed_)).Add(" lines of the container are in its log only");
      SendEntry("\nPRIORITY=4\n", notice.data(), notice.size(), nullptr, 0);
    }
    window_start_ = now;
    window_lines_ = 0;
    window_suppressed_ = 0;
  }
  if (window_lines_ >= burst_) {
    ++window_suppressed_;
    ++suppressed_;
    return false;
  }
  ++window_lines_;
  return true;
}

bool JournalCopy::SendEntry(const char* tail, const char* first, size_t first_size, const char* second,
                            size_t second_size) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const char* path = SocketPath();
  const size_t length = strlen(path);
  if (length >= sizeof(address.sun_path)) {
    return false;
  }
  memcpy(address.sun_path, path, length);
  // The text may be binary: its length goes before it, as 64 bits, little endian.
  char head[16] = {'M', 'E', 'S', 'S', 'A', 'G', 'E', '\n'};
  uint64_t size = first_size + second_size;
  for (int index = 0; index < 8; ++index) {
    head[8 + index] = static_cast<char>(size & 0xff);
    size >>= 8;
  }
  iovec parts[] = {{head, sizeof(head)},  // sendmsg(2) does not write to any of them
                   {const_cast<char*>(first), first_size},
                   {const_cast<char*>(second), second_size},
                   {const_cast<char*>(tail), strlen(tail)},
                   {fields_, strlen(fields_)}};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof(address);
  message.msg_iov = parts;
  message.msg_iovlen = sizeof(parts) / sizeof(parts[0]);
  return sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

}  // namespace rkt::stage1
