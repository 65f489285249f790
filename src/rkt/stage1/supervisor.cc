// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/notify.h"
#include "rkt/stage1/server.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

constexpr int64_t kFarewellMillis = 500;  // at the end, for clients that are about to read

bool stop_requested = false;

void Reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

void HandleSignal(Source* source, uint32_t) {
  signalfd_siginfo info{};
  while (read(source->fd, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    if (info.ssi_signo == SIGCHLD) {
      Reap();
    } else {
      stop_requested = true;
    }
  }
}

int WatchSignals(Loop* loop, Source* source) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a log that may not grow is one that cannot be written
  source->fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (source->fd < 0) {
    return errno;
  }
  source->handle = &HandleSignal;
  return loop->Watch(source, EPOLLIN);
}

// A pod may have more containers than the soft limit has descriptors for.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace

int SupervisorMain(int argc, char** argv) {
  int64_t socket_fd = -1;
  if (argc != 3 || !ParseNumber(argv[0], &socket_fd) || socket_fd < 0) {
    Report("usage: rkt-helper supervisor SOCKET-FD RUN-DIRECTORY SHM", "", 0);
    return 2;
  }
  RaiseDescriptorLimit();
  static Loop loop;
  static Server server;
  static Source signals;
  int error = loop.Open();
  if (error == 0) {
    error = WatchSignals(&loop, &signals);
  }
  if (error == 0) {
    error = server.Open(&loop, static_cast<int>(socket_fd), argv[1], argv[2]);
  }
  if (error != 0) {
    Report("start the supervisor", "", error);
    return 1;
  }
  if (const int notify_error = Notify("READY=1\nSTATUS=Supervising the pod"); notify_error != 0) {
    Report("tell systemd that the pod is ready", "", notify_error);
  }
  Reap();  // whoever ended before the signal was watched
  while (!stop_requested) {
    loop.Turn(server.MillisToNextDeadline());
    server.ExpireDeadlines();
  }
  const int64_t farewell_end = MonotonicMillis() + kFarewellMillis;
  while (server.ClientsAreBehind() && MonotonicMillis() < farewell_end) {
    loop.Turn(server.MillisToNextDeadline());
    server.ExpireDeadlines();
  }
  server.Finish();
  return 0;
}

}  // namespace rkt::stage1
