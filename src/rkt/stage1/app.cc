// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1  // pipe2
#include "rkt/stage1/app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
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
  app->attachments_.Init(loop, &App::CaughtUp, app);
  return app;
}

void App::Destroy(App* app) {
  app->on_output_end = nullptr;
  app->CloseStdio();
  app->log_.Close();
  app->journal_.Close();
  app->oom_.Disarm();
  close(app->directory_fd_);
  free(app->name_);
  free(app);
}

void App::CloseStdio() {
  attachments_.StopWaiting();
  DrainNow();
  const bool over = hung_up_ || !HasOutput();
  console_.Close();
  Stream* const streams[] = {&out_, &err_};
  for (Stream* stream : streams) {
    loop_->Close(&stream->source);
    stream->splitter.Finish(&log_, &journal_);
  }
  if (over) {
    attachments_.EndAll(0, "");
  } else {
    attachments_.EndAll(ECANCELED, "the pod's supervisor has let go of the container");
  }
  terminal_ = terminal_input_ = hung_up_ = ended_ = false;
}

int App::WatchOutput(Stream* stream, int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  stream->source.fd = fd;
  stream->source.handle = &App::HandleOutput;
  stream->source.owner = this;
  stream->paused = false;
  return loop_->Watch(&stream->source, EPOLLIN);
}

Failure App::OpenLog(const LogTarget& log) {
  if (started()) {
    return {EBUSY, "the container has been started"};
  }
  CloseStdio();
  if (const int error = log_.Open(log.path); error != 0) {
    return {error, "open the container's log"};
  }
  journal_.Close();
  if (log.journal != nullptr) {
    if (const int error = journal_.Open(log.journal); error != 0) {
      return {error, "copy the container's log to the journal"};
    }
  }
  return {};
}

Failure App::OpenPipes(const LogTarget& log, Input input, int ends[3]) {
  if (const Failure failure = OpenLog(log); failure.error != 0) {
    return failure;
  }
  ends[0] = ends[1] = ends[2] = -1;
  int out = -1;
  int err = -1;
  int error = 0;
  if (input != Input::kNone) {
    error = attachments_.OpenStdin(input == Input::kOnce, &ends[0]);
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

Failure App::OpenTerminal(const LogTarget& log, Input input, const char* socket_path) {
  if (const Failure failure = OpenLog(log); failure.error != 0) {
    return failure;
  }
  if (const int error = console_.Listen(loop_, socket_path, &App::TakeTerminal, this); error != 0) {
    return {error, "listen for the container's terminal"};
  }
  terminal_ = true;
  terminal_input_ = input != Input::kNone;
  return {};
}

Failure App::Attach(int connection, uint32_t wanted) {
  if (!HasOutput() && !attachments_.HasInput()) {
    return {ESHUTDOWN, "the container has ended"};
  }
  if (terminal_ && out_.source.fd < 0) {
    return {EAGAIN, "the container's terminal is not there yet"};
  }
  const int error = attachments_.Add(connection, wanted, terminal_ ? out_.source.fd : -1, terminal_input_);
  return {error, "attach to the container"};
}

Failure App::Resize(uint16_t columns, uint16_t rows) {
  if (!terminal_) {
    return {ENOTTY, "the container has no terminal"};
  }
  if (out_.source.fd < 0) {
    return {HasOutput() ? EAGAIN : ESHUTDOWN, "the container's terminal is not there"};
  }
  winsize size{};
  size.ws_col = columns;
  size.ws_row = rows;
  if (ioctl(out_.source.fd, TIOCSWINSZ, &size) != 0) {
    return {errno, "set the terminal's size"};
  }
  return {};
}

void App::AddLogState(Text* text) const {
  text->Add("lines=").AddNumber(static_cast<int64_t>(log_.written().lines));
  text->Add(" bytes=").AddNumber(static_cast<int64_t>(log_.written().bytes));
  text->Add(" lost_lines=").AddNumber(static_cast<int64_t>(log_.lost().lines));
  text->Add(" lost_bytes=").AddNumber(static_cast<int64_t>(log_.lost().bytes));
  text->Add(" journal_lines=").AddNumber(static_cast<int64_t>(journal_.sent()));
  text->Add(" journal_suppressed=").AddNumber(static_cast<int64_t>(journal_.suppressed()));
  text->Add(" attachments=").AddNumber(attachments_.count());
}

void App::TakeTerminal(void* context, int master) {
  App* app = static_cast<App*>(context);
  if (const int error = app->WatchOutput(&app->out_, master); error != 0) {
    Report("watch the terminal of", app->name_, error);
  }
}

Failure App::Start(const char* memory_directory, Gate gate, int64_t pid, const char* boot_id) {
  if (started()) {
    return {EALREADY, "the container has been started"};
  }
  if (*memory_directory != '\0') {
    if (const int error = oom_.Arm(loop_, memory_directory, &App::RecordOom, this); error != 0) {
      Report("watch for OOM in", memory_directory, error);
    }
  }
  int gate_fd = -1;
  if (const int error = gate.Find(&gate_fd); error != 0) {
    oom_.Disarm();
    return {error, "open the container's gate"};
  }
  const int64_t now = RealtimeNanos();
  Line<256> record;
  AddStartedRecord(&record, now, boot_id, pid);
  int error = WriteFileAtomic(directory_fd_, "started", record.data(), record.size());
  const char* what = "write the container's start record";
  if (error == 0) {
    what = "open the container's gate";
    error = gate.Open(&gate_fd);
    if (error != 0) {
      unlinkat(directory_fd_, "started", 0);
    }
  }
  if (gate_fd >= 0) {
    close(gate_fd);
  }
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
    TakeUp(stream);
    stream->splitter.Add(&log_, &journal_, read_buffer, static_cast<size_t>(size));
    if (!attachments_.Deliver(stream->index, read_buffer, static_cast<size_t>(size))) {
      stream->paused = true;
      loop_->Unwatch(&stream->source);
      return false;
    }
    return true;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return errno == EINTR;
  }
  if (size < 0 && errno == EIO && terminal_ && !ended_) {
    HangUp(stream);
  } else {
    EndStream(stream);
  }
  return false;
}

// The last process has closed the terminal. One may open it again, as systemd does as a container's first process: what
// it writes then is an edge, while the level (EPOLLHUP) would never let us sleep.
void App::HangUp(Stream* stream) {
  if (hung_up_) {
    return;
  }
  loop_->Unwatch(&stream->source);
  if (const int error = loop_->Watch(&stream->source, EPOLLIN | EPOLLET); error != 0) {
    Report("watch the terminal of", name_, error);
    EndStream(stream);
    return;
  }
  hung_up_ = true;
}

void App::TakeUp(Stream* stream) {
  if (!hung_up_) {
    return;
  }
  hung_up_ = false;
  loop_->Unwatch(&stream->source);
  if (const int error = loop_->Watch(&stream->source, EPOLLIN); error != 0) {
    Report("watch the terminal of", name_, error);
  }
}

void App::EndStream(Stream* stream) {
  loop_->Close(&stream->source);
  stream->splitter.Finish(&log_, &journal_);
  attachments_.EndStream(stream->index);
  hung_up_ = false;
  if (HasOutput()) {
    return;
  }
  if (ended_) {
    attachments_.EndAll(0, "");
  } else {
    attachments_.EndWithInput();
  }
  if (on_output_end != nullptr) {
    on_output_end(this, on_output_end_context);
  }
}

void App::CaughtUp(void* context, int index) {
  App* app = static_cast<App*>(context);
  Stream* stream = index == kOutput ? &app->out_ : &app->err_;
  if (!stream->paused || stream->source.fd < 0) {
    return;
  }
  stream->paused = false;
  if (const int error = app->loop_->Watch(&stream->source, EPOLLIN); error != 0) {
    Report("watch the output of", app->name_, error);
  }
}

void App::DrainNow() {
  Stream* const streams[] = {&out_, &err_};
  for (Stream* stream : streams) {
    for (int reads = 0; stream->source.fd >= 0 && !stream->paused && reads < kMaxDrainReads; ++reads) {
      if (!ReadOnce(stream)) {
        break;
      }
    }
  }
}

bool App::Drain() {
  ended_ = true;
  DrainNow();
  if (HasOutput()) {
    return false;
  }
  attachments_.EndAll(0, "");
  return true;
}

void App::HandleOutput(Source* source, uint32_t) {
  App* app = static_cast<App*>(source->owner);
  app->ReadOnce(source == &app->out_.source ? &app->out_ : &app->err_);
}

}  // namespace rkt::stage1
