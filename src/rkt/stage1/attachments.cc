// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1  // pipe2, F_SETPIPE_SZ
#include "rkt/stage1/attachments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/placement_new.h"
#include "rkt/stage1/sockets.h"
#include "rkt/stage1/text.h"
#include "spec/supervisor_protocol.h"

namespace rkt::stage1 {
namespace {

namespace supervisor = rktlet::spec::supervisor;

constexpr int kMaxAttachments = 1024;
constexpr char kTooSlow[] = "the client did not read the container's output fast enough";
// Written by us, so that the pod pays for it: whoever is behind the client has buffers of its own.
constexpr int kPipeSize = 128 << 10;

// How long a client that does not read holds the container up. Tests on slow machines want more.
int64_t PatienceMillis() {
  int64_t millis = 0;
  const char* given = getenv("RKT_ATTACH_PATIENCE_MS");
  return given != nullptr && ParseNumber(given, &millis) ? millis : 250;
}

// Waits that are no longer than this cost nothing: who reads steadily may be slower than the container. Usually 100 ms,
// in which a client of rktlet takes 64 KiB (docs/streaming.md).
int64_t FreeMillis() { return PatienceMillis() * 2 / 5; }

// What a client may cost: usually 2 s in 10 s.
int64_t MaxCost() { return PatienceMillis() * 8; }
constexpr int64_t kCostDecay = 5;

// A pipe from us to a client: our end never blocks.
int MakeOutputPipe(int* read_end, int* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno;
  }
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  fcntl(ends[1], F_SETPIPE_SZ, kPipeSize);
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

}  // namespace

struct Attachments::Ends {
  int fds[kMaxDescriptors] = {-1, -1, -1, -1};
  int count = 0;
  uint32_t flags = 0;

  void Push(uint32_t flag, int fd) {
    flags |= flag;
    fds[count++] = fd;
  }
  ~Ends() {
    for (int index = 0; index < count; ++index) {
      close(fds[index]);
    }
  }
};

void Attachments::Init(Loop* loop, void (*caught_up)(void* context, int stream), void* context) {
  loop_ = loop;
  caught_up_ = caught_up;
  context_ = context;
  stdin_.NotifyClosed(&Attachments::StdinClosed, this);
}

int Attachments::Add(int connection, uint32_t wanted, int master, bool terminal_input) {
  if (count_ >= kMaxAttachments) {
    return EUSERS;
  }
  void* memory = malloc(sizeof(Attachment));
  if (memory == nullptr) {
    return ENOMEM;
  }
  Attachment* attachment = new (memory) Attachment();
  attachment->all = this;
  attachment->next = first_;
  first_ = attachment;
  ++count_;
  Ends ends;
  int error = MakePipes(attachment, wanted, master, terminal_input, &ends);
  if (error == 0) {
    error = Watch(attachment, connection);
  }
  if (error == 0) {
    const supervisor::ReplyHeader header{supervisor::kMagic, 0, ends.flags};
    const bool input = master >= 0 ? terminal_input : stdin_.is_open();
    const char* streams =
        master >= 0 ? (input ? "tty-in tty-out" : "tty-out") : (input ? "stdin stdout stderr" : "stdout stderr");
    error = SendPacket(connection, &header, sizeof(header), streams, strlen(streams) + 1, ends.fds, ends.count);
  }
  if (error != 0) {
    loop_->Unwatch(&attachment->control);
    attachment->control.fd = -1;  // the caller's still
    if (attachment->input.source.fd >= 0) {
      stdin_.Remove(&attachment->input);
    }
    Detach(attachment);
    return error;
  }
  for (int stream = 0; stream < kOutputStreams; ++stream) {
    if (stream_ended_[stream]) {
      loop_->Close(&attachment->outputs[stream]);
    }
  }
  return 0;
}

int Attachments::MakePipes(Attachment* attachment, uint32_t wanted, int master, bool terminal_input, Ends* ends) {
  const bool terminal = master >= 0;
  if (terminal) {
    ends->flags |= supervisor::kTty;
  }
  int error = 0;
  if (terminal && (wanted & supervisor::kTty) != 0) {
    const int size_control = fcntl(master, F_DUPFD_CLOEXEC, 3);
    if (size_control < 0) {
      return errno;
    }
    ends->Push(supervisor::kTty, size_control);
  }
  if ((wanted & supervisor::kStdin) != 0 && (terminal ? terminal_input : stdin_.is_open())) {
    int input = -1;
    if (terminal) {
      input = fcntl(master, F_DUPFD_CLOEXEC, 3);
      error = input < 0 ? errno : 0;
    } else {
      error = MakeInput(attachment, &input);
    }
    if (error != 0) {
      return error;
    }
    ends->Push(supervisor::kStdin, input);
  }
  for (int stream = 0; stream < kOutputStreams; ++stream) {
    const uint32_t flag = stream == kOutput ? supervisor::kStdout : supervisor::kStderr;
    if ((wanted & flag) == 0 || (terminal && stream == kErrorOutput)) {
      continue;
    }
    Source* output = &attachment->outputs[stream];
    int read_end = -1;
    error = MakeOutputPipe(&read_end, &output->fd);
    if (error != 0) {
      return error;
    }
    output->handle = &Attachments::HandleOutput;
    output->owner = attachment;
    ends->Push(flag, read_end);
  }
  return 0;
}

int Attachments::MakeInput(Attachment* attachment, int* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno;
  }
  StdinInput* input = &attachment->input;
  input->source.fd = ends[0];
  input->ended = &Attachments::InputEnded;
  input->context = attachment;
  const int error = stdin_.Add(input);
  if (error != 0) {
    input->source.fd = -1;
    close(ends[0]);
    close(ends[1]);
    return error;
  }
  *write_end = ends[1];
  return 0;
}

int Attachments::Watch(Attachment* attachment, int connection) {
  attachment->control.fd = connection;
  attachment->control.handle = &Attachments::HandleControl;
  attachment->control.owner = attachment;
  return loop_->Watch(&attachment->control, EPOLLIN);
}

// The client has nothing more to say here: its end, or a word that is out of place, detaches it.
void Attachments::HandleControl(Source* source, uint32_t) {
  Attachment* attachment = static_cast<Attachment*>(source->owner);
  char byte = 0;
  const ssize_t size = recv(source->fd, &byte, sizeof(byte), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  attachment->all->Detach(attachment);
}

void Attachments::InputEnded(void* context) {
  Attachment* attachment = static_cast<Attachment*>(context);
  attachment->all->Release(attachment);
}

void Attachments::StdinClosed(void* context) {
  Attachments* all = static_cast<Attachments*>(context);
  if (all->ends_with_input_) {
    all->EndAll(0, "");
  }
}

// What the client has written before it went away still goes to the container. When that was its only input
// (stdin_once), others may be freed here, too.
void Attachments::Detach(Attachment* attachment) {
  loop_->Close(&attachment->control);
  for (int stream = 0; stream < kOutputStreams; ++stream) {
    loop_->Close(&attachment->outputs[stream]);
    attachment->behind[stream] = 0;
  }
  if (attachment->input.source.fd >= 0) {
    stdin_.Leave(&attachment->input);
  } else {
    Release(attachment);
  }
  for (int stream = 0; stream < kOutputStreams; ++stream) {
    CheckCaughtUp(stream);
  }
}

void Attachments::Drop(Attachment* attachment, int error, const char* text) {
  if (attachment->control.fd >= 0) {
    const supervisor::ReplyHeader header{supervisor::kMagic, error, 0};
    SendPacket(attachment->control.fd, &header, sizeof(header), text, strlen(text) + 1, nullptr, 0);
  }
  Detach(attachment);
}

void Attachments::Release(Attachment* attachment) {
  if (attachment->control.fd >= 0 || attachment->input.source.fd >= 0) {
    return;
  }
  for (Attachment** link = &first_; *link != nullptr; link = &(*link)->next) {
    if (*link == attachment) {
      *link = attachment->next;
      break;
    }
  }
  --count_;
  free(attachment);
}

// How much the client took. One that has closed its end takes everything.
size_t Attachments::Write(Attachment* attachment, int stream, const char* data, size_t size) {
  Source* output = &attachment->outputs[stream];
  size_t taken = 0;
  while (taken < size) {
    const ssize_t written = write(output->fd, data + taken, size - taken);
    if (written > 0) {
      taken += static_cast<size_t>(written);
    } else if (written < 0 && errno == EAGAIN) {
      return taken;
    } else if (errno != EINTR) {
      loop_->Close(output);
      return size;
    }
  }
  return taken;
}

bool Attachments::Deliver(int stream, const char* data, size_t size) {
  size_t most = 0;
  for (Attachment* attachment = first_; attachment != nullptr; attachment = attachment->next) {
    if (attachment->outputs[stream].fd < 0) {
      continue;
    }
    attachment->behind[stream] = size - Write(attachment, stream, data, size);
    most = attachment->behind[stream] > most ? attachment->behind[stream] : most;
  }
  if (most == 0) {
    return true;
  }
  Held* held = &held_[stream];
  held->data = waiting_ ? static_cast<char*>(malloc(most)) : nullptr;
  if (held->data == nullptr) {
    DropLaggards(stream);
    return true;
  }
  memcpy(held->data, data + size - most, most);
  held->size = most;
  held->since = MonotonicMillis();
  held->deadline = held->since + PatienceMillis();
  for (Attachment* attachment = first_; attachment != nullptr; attachment = attachment->next) {
    if (attachment->behind[stream] > 0) {
      loop_->Watch(&attachment->outputs[stream], EPOLLOUT);  // one that cannot be watched is dropped in time
    }
  }
  return false;
}

void Attachments::HandleOutput(Source* source, uint32_t) {
  Attachment* attachment = static_cast<Attachment*>(source->owner);
  Attachments* all = attachment->all;
  const int stream = source == &attachment->outputs[kOutput] ? kOutput : kErrorOutput;
  const Held& held = all->held_[stream];
  size_t* behind = &attachment->behind[stream];
  *behind -= all->Write(attachment, stream, held.data + held.size - *behind, *behind);
  if (*behind > 0) {
    return;
  }
  all->loop_->Unwatch(source);
  if (all->IsTooSlow(attachment, MonotonicMillis() - held.since)) {
    all->Drop(attachment, ETIMEDOUT, kTooSlow);
  } else {
    all->CheckCaughtUp(stream);
  }
}

// Charges the client with a wait.
bool Attachments::IsTooSlow(Attachment* attachment, int64_t waited) {
  const int64_t now = MonotonicMillis();
  attachment->cost -= (now - attachment->cost_time) / kCostDecay;
  if (attachment->cost < 0) {
    attachment->cost = 0;
  }
  attachment->cost_time = now;
  if (waited > FreeMillis()) {
    attachment->cost += waited - FreeMillis();
  }
  return attachment->cost > MaxCost();
}

void Attachments::CheckCaughtUp(int stream) {
  Held* held = &held_[stream];
  if (held->data == nullptr) {
    return;
  }
  for (const Attachment* attachment = first_; attachment != nullptr; attachment = attachment->next) {
    if (attachment->behind[stream] > 0) {
      return;
    }
  }
  free(held->data);
  held->data = nullptr;
  caught_up_(context_, stream);
}

void Attachments::StopWaiting() {
  waiting_ = false;
  for (int stream = 0; stream < kOutputStreams; ++stream) {
    DropLaggards(stream);
  }
}

void Attachments::DropLaggards(int stream) {
  for (Attachment* attachment = first_; attachment != nullptr;) {
    if (attachment->behind[stream] > 0) {
      Drop(attachment, ETIMEDOUT, kTooSlow);
      attachment = first_;  // the next may be gone, too
    } else {
      attachment = attachment->next;
    }
  }
}

void Attachments::EndStream(int stream) {
  for (Attachment* attachment = first_; attachment != nullptr; attachment = attachment->next) {
    loop_->Close(&attachment->outputs[stream]);
  }
  stream_ended_[stream] = true;
}

void Attachments::EndWithInput() {
  ends_with_input_ = true;
  if (!stdin_.is_open()) {
    EndAll(0, "");
  }
}

void Attachments::EndAll(int error, const char* text) {
  ends_with_input_ = false;
  stdin_.Close();
  while (first_ != nullptr) {
    Drop(first_, error, text);  // without its input nothing keeps it
  }
  waiting_ = true;
  for (bool& ended : stream_ended_) {
    ended = false;
  }
}

int64_t Attachments::NextDeadline() const {
  int64_t earliest = -1;
  for (const Held& held : held_) {
    if (held.data != nullptr && (earliest < 0 || held.deadline < earliest)) {
      earliest = held.deadline;
    }
  }
  return earliest;
}

void Attachments::ExpireDeadlines(int64_t now) {
  for (int stream = 0; stream < kOutputStreams; ++stream) {
    if (held_[stream].data != nullptr && held_[stream].deadline <= now) {
      DropLaggards(stream);
    }
  }
}

}  // namespace rkt::stage1
