// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1  // pipe2, splice
#include "rkt/stage1/stdin_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rkt/stage1/files.h"

namespace rkt::stage1 {
namespace {

constexpr size_t kMaxMove = size_t{1} << 20;
constexpr int kMaxLeaving = 128;  // clients that have gone and left input that the container does not read

bool IsEmpty(const StdinInput& input) {
  int size = 0;
  return ioctl(input.source.fd, FIONREAD, &size) == 0 && size == 0;
}

}  // namespace

int StdinPump::Open(Loop* loop, bool once, int* read_end) {
  Close();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno;
  }
  loop_ = loop;
  sink_.fd = ends[1];
  sink_.handle = &StdinPump::HandleSink;
  sink_.owner = this;
  if (const int error = WatchSink(0); error != 0) {
    loop_->Close(&sink_);
    close(ends[0]);
    return error;
  }
  once_ = once;
  *read_end = ends[0];
  return 0;
}

void StdinPump::NotifyClosed(void (*closed)(void* context), void* context) {
  closed_ = closed;
  closed_context_ = context;
}

void StdinPump::Close() {
  if (sink_.fd < 0) {
    return;
  }
  loop_->Close(&sink_);
  once_ = full_ = false;
  while (inputs_ != nullptr) {
    End(inputs_);
  }
  if (closed_ != nullptr) {
    closed_(closed_context_);
  }
}

int StdinPump::Add(StdinInput* input) {
  input->source.handle = &StdinPump::HandleInput;
  input->source.owner = input;
  input->pump = this;
  if (const int error = loop_->Watch(&input->source, full_ ? 0 : EPOLLIN); error != 0) {
    return error;
  }
  input->next = inputs_;
  inputs_ = input;
  return 0;
}

void StdinPump::Remove(StdinInput* input) {
  for (StdinInput** link = &inputs_; *link != nullptr; link = &(*link)->next) {
    if (*link == input) {
      *link = input->next;
      break;
    }
  }
  loop_->Close(&input->source);
  input->pump = nullptr;
}

void StdinPump::End(StdinInput* input) {
  Remove(input);
  input->ended(input->context);
  if (once_) {
    Close();
  }
}

void StdinPump::Leave(StdinInput* input) {
  if (IsEmpty(*input)) {
    End(input);
    return;
  }
  input->leaving = true;
  int count = 0;
  StdinInput* oldest = nullptr;
  for (StdinInput* other = inputs_; other != nullptr; other = other->next) {
    if (other->leaving) {
      ++count;
      oldest = other;
    }
  }
  if (count > kMaxLeaving) {
    End(oldest);
  }
}

void StdinPump::HandleInput(Source* source, uint32_t) {
  StdinInput* input = static_cast<StdinInput*>(source->owner);
  StdinPump* pump = input->pump;
  if (pump->full_) {  // nobody writes there any more
    if (IsEmpty(*input)) {
      pump->End(input);
    } else {
      pump->loop_->Unwatch(source);  // until there is room for the rest
    }
    return;
  }
  const ssize_t moved =
      splice(source->fd, nullptr, pump->sink_.fd, nullptr, kMaxMove, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved < 0 && errno == EINTR) {
    return;
  }
  if (moved > 0) {
    if (input->leaving && IsEmpty(*input)) {
      pump->End(input);
    }
  } else if (moved == 0) {
    pump->End(input);
  } else if (errno == EAGAIN) {
    pump->WaitForRoom();
  } else {
    pump->Close();  // the container has closed its end
  }
}

int StdinPump::WatchSink(uint32_t events) {
  loop_->Unwatch(&sink_);
  return loop_->Watch(&sink_, events);  // with EPOLLERR, always
}

void StdinPump::WatchInputs(uint32_t events) {
  for (StdinInput* input = inputs_; input != nullptr; input = input->next) {
    loop_->Unwatch(&input->source);
    if (const int error = loop_->Watch(&input->source, events); error != 0) {  // with EPOLLHUP, always
      Report("watch a client's input", "", error);
    }
  }
}

void StdinPump::WaitForRoom() {
  if (const int error = WatchSink(EPOLLOUT); error != 0) {
    Report("watch a container's stdin", "", error);
    Close();
    return;
  }
  full_ = true;
  WatchInputs(0);
}

void StdinPump::HandleSink(Source* source, uint32_t events) {
  StdinPump* pump = static_cast<StdinPump*>(source->owner);
  if ((events & EPOLLERR) != 0) {
    pump->Close();
    return;
  }
  if (const int error = pump->WatchSink(0); error != 0) {
    Report("watch a container's stdin", "", error);
  }
  pump->full_ = false;
  pump->WatchInputs(EPOLLIN);
}

}  // namespace rkt::stage1
