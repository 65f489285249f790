// SPDX-License-Identifier: Apache-2.0
// A container as its supervisor sees it: stdio, log, attached clients, OOM watch, gate.
#pragma once

#include <stdint.h>

#include "rkt/stage1/attachments.h"
#include "rkt/stage1/console.h"
#include "rkt/stage1/gate.h"
#include "rkt/stage1/journal_copy.h"
#include "rkt/stage1/log_writer.h"
#include "rkt/stage1/loop.h"
#include "rkt/stage1/oom_watch.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {

// An error for a reply: an errno, and what failed.
struct Failure {
  int error = 0;
  const char* what = "";
};

class App {
 public:
  // A new app that holds `directory`, where its records go. nullptr with errno set on a failure.
  static App* Make(Loop* loop, const char* name, const char* directory);
  // Writes what is left of the output and lets everything go.
  static void Destroy(App* app);

  const char* name() const { return name_; }
  bool started() const { return started_at_ != 0; }
  int64_t started_at() const { return started_at_; }

  // Whether an output pipe (or the terminal) is open.
  bool HasOutput() const { return out_.source.fd >= 0 || err_.source.fd >= 0 || console_.path()[0] != '\0'; }

  // Where the output goes besides the clients: a log file ("": none), and the journal (nullptr: no).
  struct LogTarget {
    const char* path = "";
    const char* journal = nullptr;
  };
  enum class Input { kNone, kOpen, kOnce };

  // New pipes: ends[0..2] become the container's stdin, stdout and stderr, which the caller closes after it has sent
  // them.
  Failure OpenPipes(const LogTarget& log, Input input, int ends[3]);
  // Waits for a terminal at a socket of this path.
  Failure OpenTerminal(const LogTarget& log, Input input, const char* socket_path);

  // Attaches the client behind `connection`, which is ours from then on, and answers it. An error: nothing happened.
  Failure Attach(int connection, uint32_t wanted);
  Failure Resize(uint16_t columns, uint16_t rows);

  // Arms the OOM watch, writes the `started` record and opens the gate.
  Failure Start(const char* memory_directory, Gate gate, int64_t pid, const char* boot_id);

  bool OomSeen() { return oom_.Seen() || oom_recorded_; }
  int ReopenLog() { return log_.Reopen(); }
  void AddLogState(Text* text) const;

  // Writes to the log what is in the pipes now, without waiting for more. A stream that waits for a client is left.
  void DrainNow();
  // The container has ended. The same, and nothing is expected any more: a terminal that nobody has open is at its end,
  // and clients' input keeps no attachment. True when no output is left.
  bool Drain();

  // The same for clients that are behind: they are dropped at this time (CLOCK_MONOTONIC in ms; -1: none is).
  int64_t NextDeadline() const { return attachments_.NextDeadline(); }
  void ExpireDeadlines(int64_t now) { attachments_.ExpireDeadlines(now); }

  // Called when both outputs have reached their end.
  void (*on_output_end)(App* app, void* context) = nullptr;
  void* on_output_end_context = nullptr;

  App* next = nullptr;  // in the supervisor's list

 private:
  struct Stream {
    explicit Stream(bool is_stderr) : index(is_stderr ? kErrorOutput : kOutput), splitter(is_stderr) {}
    const int index;  // for the attachments
    Source source;
    LineSplitter splitter;
    bool paused = false;  // a client has not taken all of the last piece
  };

  App() = default;
  Failure OpenLog(const LogTarget& log);
  int WatchOutput(Stream* stream, int fd);
  void CloseStdio();
  bool ReadOnce(Stream* stream);
  void EndStream(Stream* stream);
  void HangUp(Stream* stream);
  void TakeUp(Stream* stream);
  static void HandleOutput(Source* source, uint32_t events);
  static void CaughtUp(void* context, int stream);
  static void TakeTerminal(void* context, int master);
  static void RecordOom(void* context);

  Loop* loop_ = nullptr;
  char* name_ = nullptr;
  int directory_fd_ = -1;
  Stream out_{false};
  Stream err_{true};
  bool terminal_ = false;
  bool terminal_input_ = false;
  bool hung_up_ = false;  // no process has the terminal open
  bool ended_ = false;    // the container
  Attachments attachments_;
  Console console_;
  LogFile log_;
  JournalCopy journal_;
  OomWatch oom_;
  bool oom_recorded_ = false;
  int64_t started_at_ = 0;
};

}  // namespace rkt::stage1
