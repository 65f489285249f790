// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1  // pipe2
#include "rkt/stage1/app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/placement_new.h"
#include "rkt/stage1/records.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

char read_buffer[32768];  // one for all: a piece is in the log before the next is read

// Enough for a pipe filled to its largest size: a writer that never stops must not hold up the end.
constexpr int kMaxDrainReads = 64;

int MakePipe(int* read_end, int* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return errno;
  }
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

void CloseAll(int* fds, int count) {
  for (int index = 0; index < count; ++index) {
    if (fds[index] >= 0) {
      close(fds[index]);
      fds[index] = -1;
    }
  }
}

}  // namespace

App* App::Make(Loop* loop, const char* name, const char* directory) {
  const int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) {
    return nullptr;
  }
  void* memory = malloc(sizeof(App));
  char* name_copy = strdup(name);
  if (memory == nullptr || name_copy == nullptr) {
    free(memory);
    free(name_copy);
    close(directory_fd);
    errno = ENOMEM;
    return nullptr;
  }
  App* app = new (memory) App();
  app->loop_ = loop;
  app->name_ = name_copy;
  app->directory_fd_ = directory_fd;
  return app;
}

void App::Destroy(App* app) {
  app->on_output_end = nullptr;
  app->CloseStdio();
  app->log_.Close();
  app->oom_.Disarm();
  close(app->directory_fd_);
  free(app->name_);
  free(app);
}

void App::CloseStdio() {
  DrainNow();
  console_.Close();
  Stream* const streams[] = {&out_, &err_};
  for (Stream* stream : streams) {
    loop_->Close(&stream->source);
    stream->splitter.Finish(&log_);
  }
  if (stdin_fd_ >= 0) {
    close(stdin_fd_);
    stdin_fd_ = -1;
  }
}

int App::WatchOutput(Stream* stream, int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  stream->source.fd = fd;
  stream->source.handle = &App::HandleOutput;
  stream->source.owner = this;
  return loop_->Watch(&stream->source, EPOLLIN);
}

Failure App::OpenPipes(const char* log_path, bool with_stdin, int ends[3]) {
  if (started()) {
    return {EBUSY, "the container has been started"};
  }
  CloseStdio();
  if (const int error = log_.Open(log_path); error != 0) {
    return {error, "open the container's log"};
  }
  ends[0] = ends[1] = ends[2] = -1;
  int out = -1;
  int err = -1;
  int error = 0;
  if (with_stdin) {
    error = MakePipe(&ends[0], &stdin_fd_);
  } else {
    ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    error = ends[0] < 0 ? errno : 0;
  }
  if (error == 0) {
    error = MakePipe(&out, &ends[1]);
  }
  if (error == 0) {
    error = WatchOutput(&out_, out);
  }
  if (error == 0) {
    error = MakePipe(&err, &ends[2]);
  }
  if (error == 0) {
    error = WatchOutput(&err_, err);
  }
  if (error != 0) {
    CloseAll(ends, 3);
    CloseStdio();
    return {error, "make the container's pipes"};
  }
  return {};
}

Failure App::OpenTerminal(const char* log_path, const char* socket_path) {
  if (started()) {
    return {EBUSY, "the container has been started"};
  }
  CloseStdio();
  if (const int error = log_.Open(log_path); error != 0) {
    return {error, "open the container's log"};
  }
  if (const int error = console_.Listen(loop_, socket_path, &App::TakeTerminal, this); error != 0) {
    return {error, "listen for the container's terminal"};
  }
  return {};
}

void App::TakeTerminal(void* context, int master) {
  App* app = static_cast<App*>(context);
  if (const int error = app->WatchOutput(&app->out_, master); error != 0) {
    Report("watch the terminal of", app->name_, error);
  }
}

Failure App::Start(const char* memory_directory, const char* gate, int64_t pid, const char* boot_id) {
  if (started()) {
    return {EALREADY, "the container has been started"};
  }
  if (*memory_directory != '\0') {
    if (const int error = oom_.Arm(loop_, memory_directory, &App::RecordOom, this); error != 0) {
      Report("watch for OOM in", memory_directory, error);
    }
  }
  // The waiting process holds the reading end, so this never blocks; without a reader there is nobody left to start.
  const int gate_fd = open(gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (gate_fd < 0) {
    const int error = errno;
    oom_.Disarm();
    return {error == ENXIO || error == ENOENT ? ESTALE : error, "open the container's gate"};
  }
  const int64_t now = RealtimeNanos();
  Line<256> record;
  AddStartedRecord(&record, now, boot_id, pid);
  int error = WriteFileAtomic(directory_fd_, "started", record.data(), record.size());
  const char* what = "write the container's start record";
  if (error == 0) {
    what = "open the container's gate";
    unlink(gate);  // what `crun state` tells created from running by
    if (write(gate_fd, "0", 1) != 1) {
      error = errno == EPIPE ? ESTALE : errno;
      unlinkat(directory_fd_, "started", 0);
    }
  }
  close(gate_fd);
  if (error != 0) {
    oom_.Disarm();
    return {error, what};
  }
  started_at_ = now;
  return {};
}

void App::RecordOom(void* context) {
  App* app = static_cast<App*>(context);
  app->oom_recorded_ = true;
  const int fd = openat(app->directory_fd_, "oom", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    Report("record the OOM of", app->name_, errno);
    return;
  }
  close(fd);
}

bool App::ReadOnce(Stream* stream) {
  const ssize_t size = read(stream->source.fd, read_buffer, sizeof(read_buffer));
  if (size > 0) {
    stream->splitter.Add(&log_, read_buffer, static_cast<size_t>(size));
    return true;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return errno == EINTR;
  }
  EndStream(stream);  // the end, or EIO: the last process left the terminal
  return false;
}

void App::EndStream(Stream* stream) {
  loop_->Close(&stream->source);
  stream->splitter.Finish(&log_);
  if (!HasOutput() && on_output_end != nullptr) {
    on_output_end(this, on_output_end_context);
  }
}

void App::DrainNow() {
  Stream* const streams[] = {&out_, &err_};
  for (Stream* stream : streams) {
    for (int reads = 0; stream->source.fd >= 0 && reads < kMaxDrainReads; ++reads) {
      if (!ReadOnce(stream)) {
        break;
      }
    }
  }
}

void App::HandleOutput(Source* source, uint32_t) {
  App* app = static_cast<App*>(source->owner);
  app->ReadOnce(source == &app->out_.source ? &app->out_ : &app->err_);
}

}  // namespace rkt::stage1
