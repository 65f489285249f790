// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/oom_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

// The value of `key` in a file of "key value" lines; false when the file cannot be read any more (ENODEV: group
// removed).
bool ReadCounter(int fd, const char* key, uint64_t* value) {
  char text[512];
  const ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
  if (size < 0) {
    return false;
  }
  text[size] = '\0';
  *value = 0;
  const size_t key_length = strlen(key);
  for (const char* line = text; line != nullptr && *line != '\0';) {
    if (strncmp(line, key, key_length) == 0 && line[key_length] == ' ') {
      for (const char* digit = line + key_length + 1; *digit >= '0' && *digit <= '9'; ++digit) {
        *value = *value * 10 + static_cast<uint64_t>(*digit - '0');
      }
      break;
    }
    line = strchr(line, '\n');
    line = line != nullptr ? line + 1 : nullptr;
  }
  return true;
}

}  // namespace

int OomWatch::Arm(Loop* loop, const char* directory, void (*seen)(void* context), void* context) {
  Disarm();
  loop_ = loop;
  callback_ = seen;
  context_ = context;
  seen_ = false;
  count_ = 0;
  const int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) {
    return errno;
  }
  v2_ = !FileExists(directory_fd, "memory.oom_control");
  const int error = v2_ ? ArmV2(directory_fd) : ArmV1(directory_fd);
  close(directory_fd);
  if (error != 0) {
    Disarm();
    return error;
  }
  armed_ = true;
  return 0;
}

int OomWatch::ArmV1(int directory_fd) {
  control_fd_ = openat(directory_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
  if (control_fd_ < 0) {
    return errno;
  }
  source_.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (source_.fd < 0) {
    return errno;
  }
  source_.handle = &OomWatch::Handle;
  source_.owner = this;
  Line<48> request;
  request.AddNumber(source_.fd).Add(' ').AddNumber(control_fd_);
  if (const int error = WriteExisting(directory_fd, "cgroup.event_control", request.data(), request.size());
      error != 0) {
    return error;
  }
  return loop_->Watch(&source_, EPOLLIN);
}

int OomWatch::ArmV2(int directory_fd) {
  source_.fd = openat(directory_fd, "memory.events", O_RDONLY | O_CLOEXEC);
  if (source_.fd < 0) {
    return errno;
  }
  source_.handle = &OomWatch::Handle;
  source_.owner = this;
  if (!ReadCounter(source_.fd, "oom_kill", &count_)) {
    return ENODEV;
  }
  return loop_->Watch(&source_, EPOLLPRI);
}

void OomWatch::Disarm() {
  if (loop_ != nullptr) {
    loop_->Close(&source_);
  }
  if (control_fd_ >= 0) {
    close(control_fd_);
    control_fd_ = -1;
  }
  armed_ = false;
}

bool OomWatch::Seen() {
  if (armed_ && !seen_) {
    v2_ ? LookV2() : LookV1();
  }
  return seen_;
}

void OomWatch::LookV1() {
  uint64_t events = 0;
  if (read(source_.fd, &events, sizeof(events)) != static_cast<ssize_t>(sizeof(events))) {
    return;  // nothing pending
  }
  count_ += events;
  uint64_t ignored = 0;
  const bool alive = ReadCounter(control_fd_, "under_oom", &ignored);
  if (alive || count_ >= 2) {
    Found();
  }
  if (!alive) {
    Disarm();  // nothing more can come
  }
}

void OomWatch::LookV2() {
  uint64_t kills = 0;
  if (!ReadCounter(source_.fd, "oom_kill", &kills)) {
    Disarm();
  } else if (kills > count_) {
    Found();
  }
}

void OomWatch::Found() {
  if (!seen_) {
    seen_ = true;
    callback_(context_);
  }
}

void OomWatch::Handle(Source* source, uint32_t) {
  OomWatch* watch = static_cast<OomWatch*>(source->owner);
  watch->v2_ ? watch->LookV2() : watch->LookV1();
  if (watch->seen_) {
    watch->Disarm();  // once is enough
  }
}

}  // namespace rkt::stage1
