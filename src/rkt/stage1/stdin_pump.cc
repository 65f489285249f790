// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1  // pipe2, splice
#include "rkt/stage1/stdin_pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rkt/stage1/files.h"

namespace rkt::stage1 {
namespace {

constexpr size_t kMaxMove = size_t{1} << 20;

}  // namespace

int StdinPump::Open(Loop* loop, bool once, int* read_end) {
  Close();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno;
  }
  loop_ = loop;
  once_ = once;
  *read_end = ends[0];
  sink_.fd = ends[1];
  sink_.handle = &StdinPump::HandleSink;
  sink_.owner = this;
  return 0;
}

void StdinPump::Close() {
  if (sink_.fd < 0) {
    return;
  }
  loop_->Close(&sink_);
  once_ = false;
  while (inputs_ != nullptr) {
    End(inputs_);
  }
}

int StdinPump::Add(StdinInput* input) {
  input->source.handle = &StdinPump::HandleInput;
  input->source.owner = input;
  input->pump = this;
  if (!sink_.watched) {
    if (const int error = loop_->Watch(&input->source, EPOLLIN); error != 0) {
      return error;
    }
  }
  input->next = inputs_;
  inputs_ = input;
  return 0;
}

void StdinPump::End(StdinInput* input) {
  for (StdinInput** link = &inputs_; *link != nullptr; link = &(*link)->next) {
    if (*link == input) {
      *link = input->next;
      break;
    }
  }
  loop_->Close(&input->source);
  input->pump = nullptr;
  input->ended(input->context);
  if (once_) {
    Close();
  }
}

void StdinPump::HandleInput(Source* source, uint32_t) {
  StdinInput* input = static_cast<StdinInput*>(source->owner);
  StdinPump* pump = input->pump;
  const ssize_t moved =
      splice(source->fd, nullptr, pump->sink_.fd, nullptr, kMaxMove, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (moved > 0 || (moved < 0 && errno == EINTR)) {
    return;
  }
  if (moved == 0) {
    pump->End(input);
  } else if (errno == EAGAIN) {
    pump->WaitForRoom();
  } else {
    pump->Close();  // the container has closed its end
  }
}

void StdinPump::WaitForRoom() {
  if (const int error = loop_->Watch(&sink_, EPOLLOUT); error != 0) {
    Report("watch a container's stdin", "", error);
    Close();
    return;
  }
  for (StdinInput* input = inputs_; input != nullptr; input = input->next) {
    loop_->Unwatch(&input->source);
  }
}

void StdinPump::HandleSink(Source* source, uint32_t events) {
  StdinPump* pump = static_cast<StdinPump*>(source->owner);
  if ((events & EPOLLERR) != 0) {
    pump->Close();
    return;
  }
  pump->loop_->Unwatch(source);
  for (StdinInput* input = pump->inputs_; input != nullptr;) {
    StdinInput* next = input->next;
    if (const int error = pump->loop_->Watch(&input->source, EPOLLIN); error != 0) {
      Report("watch a client's input", "", error);
    }
    input = next;
  }
}

}  // namespace rkt::stage1
