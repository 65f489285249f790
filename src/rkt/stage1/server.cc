// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE 1  // accept4
#include "rkt/stage1/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rkt/stage1/files.h"
#include "rkt/stage1/placement_new.h"
#include "rkt/stage1/sockets.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

namespace supervisor = rktlet::spec::supervisor;

constexpr int kMaxConnections = 64;
constexpr int64_t kDrainMillis = 1000;
constexpr unsigned kOpenTreeClone = 1;  // OPEN_TREE_CLONE of linux/mount.h, which musl's headers do not reach

char packet[supervisor::kMaxPacket];

}  // namespace

int Server::Open(Loop* loop, int fd, const char* run_directory, const char* shm) {
  loop_ = loop;
  run_directory_ = run_directory;
  shm_ = shm;
  ReadBootId(&boot_id_);
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    return errno;
  }
  spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  listener_.fd = fd;
  listener_.handle = &Server::Accept;
  listener_.owner = this;
  listener_.urgent = true;
  return loop_->Watch(&listener_, EPOLLIN);
}

void Server::Accept(Source* source, uint32_t) {
  Server* server = static_cast<Server*>(source->owner);
  int fd = accept4(source->fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE) && server->spare_fd_ >= 0) {
    close(server->spare_fd_);
    fd = accept4(source->fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      close(fd);
    }
    server->spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return;
  }
  if (fd < 0) {
    return;
  }
  if (server->connection_count_ >= kMaxConnections || !PeerIsAllowed(fd)) {
    close(fd);
    return;
  }
  server->Add(fd);
}

void Server::Add(int fd) {
  void* memory = malloc(sizeof(Connection));
  if (memory == nullptr) {
    close(fd);
    return;
  }
  Connection* connection = new (memory) Connection{this, {}, connections_, nullptr, 0};
  connection->source.fd = fd;
  connection->source.handle = &Server::Receive;
  connection->source.owner = connection;
  connection->source.urgent = true;
  connections_ = connection;
  ++connection_count_;
  if (loop_->Watch(&connection->source, EPOLLIN) != 0) {
    Drop(connection);
  }
}

void Server::Drop(Connection* connection) {
  for (Connection** link = &connections_; *link != nullptr; link = &(*link)->next) {
    if (*link == connection) {
      *link = connection->next;
      break;
    }
  }
  --connection_count_;
  loop_->Close(&connection->source);
  free(connection);
}

void Server::Receive(Source* source, uint32_t) {
  Connection* connection = static_cast<Connection*>(source->owner);
  Server* server = connection->server;
  const ssize_t size = recv(source->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (size <= 0) {
    server->Drop(connection);
    return;
  }
  Request request;
  if (static_cast<size_t>(size) > sizeof(packet) || !ParseRequest(packet, static_cast<size_t>(size), &request)) {
    server->Reply(connection, EINVAL, 0, "malformed request");
    return;
  }
  server->Serve(connection, request);
}

// The last thing that is done with the connection in a turn: it may be gone afterwards.
void Server::Reply(Connection* connection, int error, uint64_t value, const char* text, const int* fds, int count) {
  const supervisor::ReplyHeader header{supervisor::kMagic, error, value};
  const int sent = SendPacket(connection->source.fd, &header, sizeof(header), text, strlen(text) + 1, fds, count);
  if (sent != 0) {
    Drop(connection);  // it does not listen
  }
}

App* Server::Find(const char* name) const {
  for (App* app = apps_; app != nullptr; app = app->next) {
    if (Equal(app->name(), name)) {
      return app;
    }
  }
  return nullptr;
}

uint64_t Server::AppsWithOutput() const {
  uint64_t count = 0;
  for (const App* app = apps_; app != nullptr; app = app->next) {
    count += app->HasOutput() ? 1 : 0;
  }
  return count;
}

void Server::Serve(Connection* connection, const Request& request) {
  if (request.operation == supervisor::kPing) {
    Reply(connection, 0, AppsWithOutput(), "");
    return;
  }
  if (request.operation == supervisor::kStdio) {
    Stdio(connection, request);
    return;
  }
  if (request.operation == supervisor::kForget) {
    Forget(connection, request);
    return;
  }
  App* app = Find(request.strings[0]);
  if (app == nullptr) {
    Reply(connection, ENOENT, 0, "the supervisor does not know this app");
    return;
  }
  switch (request.operation) {
    case supervisor::kStart:
      Start(connection, request);
      break;
    case supervisor::kAttach:
      Attach(connection, request);
      break;
    case supervisor::kResize:
      Resize(connection, request);
      break;
    case supervisor::kLogState:
      LogState(connection, request);
      break;
    case supervisor::kOomSeen:
      Reply(connection, 0, app->OomSeen() ? 1 : 0, "");
      break;
    case supervisor::kReopenLog: {
      const int error = app->ReopenLog();
      Reply(connection, error, 0, error != 0 ? "open the log file" : "");
      break;
    }
    default:
      Drain(connection, request);
  }
}

int Server::OpenShm(int* fd) const {
  *fd = static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, shm_, kOpenTreeClone | O_CLOEXEC));
  return *fd < 0 ? errno : 0;
}

void Server::Stdio(Connection* connection, const Request& request) {
  App* app = Find(request.strings[0]);
  if (app == nullptr) {
    app = App::Make(loop_, request.strings[0], request.strings[1]);
    if (app == nullptr) {
      Reply(connection, errno, 0, "open the container directory");
      return;
    }
    app->on_output_end = &Server::OutputEnded;
    app->on_output_end_context = this;
    app->next = apps_;
    apps_ = app;
  }
  const App::LogTarget log{request.strings[2],
                           (request.flags & supervisor::kJournal) != 0 ? request.strings[3] : nullptr};
  const App::Input input = (request.flags & supervisor::kStdin) == 0       ? App::Input::kNone
                           : (request.flags & supervisor::kStdinOnce) == 0 ? App::Input::kOpen
                                                                           : App::Input::kOnce;
  int fds[4] = {-1, -1, -1, -1};
  int count = 3;
  Line<108> console_path;
  Failure failure;
  if ((request.flags & supervisor::kTty) != 0) {
    console_path.Add(run_directory_).Add("/c").AddNumber(static_cast<int64_t>(++console_count_));
    failure = console_path.cut() ? Failure{ENAMETOOLONG, "name the console socket"}
                                 : app->OpenTerminal(log, input, console_path.data());
    for (int index = 0; index < 3 && failure.error == 0; ++index) {
      fds[index] = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
      failure = fds[index] < 0 ? Failure{errno, "open /dev/null"} : Failure{};
    }
  } else {
    failure = app->OpenPipes(log, input, fds);
  }
  if (failure.error == 0 && *shm_ != '\0') {
    failure = Failure{OpenShm(&fds[3]), "clone the pod's /dev/shm"};
    count = 4;
  }
  if (failure.error == 0) {
    Reply(connection, 0, 0, console_path.data(), fds, count);
  } else {
    Reply(connection, failure.error, 0, failure.what);
  }
  for (const int fd : fds) {
    if (fd >= 0) {
      close(fd);
    }
  }
}

void Server::Start(Connection* connection, const Request& request) {
  App* app = Find(request.strings[0]);
  int64_t pid = 0;
  ParseNumber(request.strings[3], &pid);
  Gate gate{request.strings[2], Gate::Kind::kContainerReads};
  if ((request.flags & supervisor::kFrozen) != 0) {
    gate.kind = Gate::Kind::kFrozen;
  } else if ((request.flags & supervisor::kWritesToGate) != 0) {
    gate.kind = Gate::Kind::kContainerWrites;
  }
  const Failure failure = app->Start(request.strings[1], gate, pid, boot_id_);
  Reply(connection, failure.error, static_cast<uint64_t>(app->started_at()), failure.what);
}

// The connection becomes the attachment: it is no client of ours any more.
void Server::Attach(Connection* connection, const Request& request) {
  loop_->Unwatch(&connection->source);
  const Failure failure = Find(request.strings[0])->Attach(connection->source.fd, request.flags);
  if (failure.error == 0) {
    connection->source.fd = -1;
    Drop(connection);
  } else if (loop_->Watch(&connection->source, EPOLLIN) != 0) {
    Drop(connection);
  } else {
    Reply(connection, failure.error, 0, failure.what);
  }
}

void Server::Resize(Connection* connection, const Request& request) {
  int64_t columns = 0;
  int64_t rows = 0;
  ParseNumber(request.strings[1], &columns);
  ParseNumber(request.strings[2], &rows);
  const Failure failure = Find(request.strings[0])->Resize(static_cast<uint16_t>(columns), static_cast<uint16_t>(rows));
  Reply(connection, failure.error, 0, failure.what);
}

void Server::LogState(Connection* connection, const Request& request) {
  Line<384> text;
  Find(request.strings[0])->AddLogState(&text);
  Reply(connection, 0, 0, text.data());
}

void Server::Forget(Connection* connection, const Request& request) {
  for (App** link = &apps_; *link != nullptr; link = &(*link)->next) {
    App* app = *link;
    if (!Equal(app->name(), request.strings[0])) {
      continue;
    }
    *link = app->next;
    app->DrainNow();
    OutputEnded(app, this);
    App::Destroy(app);
    break;
  }
  Reply(connection, 0, 0, "");
}

void Server::Drain(Connection* connection, const Request& request) {
  App* app = Find(request.strings[0]);
  if (app->Drain()) {
    Reply(connection, 0, 0, "");
    return;
  }
  loop_->Unwatch(&connection->source);  // one request at a time
  connection->draining = app;
  connection->deadline = MonotonicMillis() + kDrainMillis;
}

void Server::EndDrain(Connection* connection, uint64_t value) {
  connection->draining = nullptr;
  if (loop_->Watch(&connection->source, EPOLLIN) != 0) {
    Drop(connection);
    return;
  }
  Reply(connection, 0, value, "");
}

void Server::OutputEnded(App* app, void* context) {
  Server* server = static_cast<Server*>(context);
  for (Connection* connection = server->connections_; connection != nullptr;) {
    Connection* next = connection->next;
    if (connection->draining == app) {
      server->EndDrain(connection, 0);
    }
    connection = next;
  }
}

int Server::MillisToNextDeadline() const {
  int64_t earliest = -1;
  for (const Connection* connection = connections_; connection != nullptr; connection = connection->next) {
    if (connection->draining != nullptr && (earliest < 0 || connection->deadline < earliest)) {
      earliest = connection->deadline;
    }
  }
  for (const App* app = apps_; app != nullptr; app = app->next) {
    const int64_t deadline = app->NextDeadline();
    if (deadline >= 0 && (earliest < 0 || deadline < earliest)) {
      earliest = deadline;
    }
  }
  if (earliest < 0) {
    return -1;
  }
  const int64_t left = earliest - MonotonicMillis();
  return left < 0 ? 0 : static_cast<int>(left);
}

void Server::ExpireDeadlines() {
  if (MillisToNextDeadline() != 0) {
    return;
  }
  const int64_t now = MonotonicMillis();
  for (Connection* connection = connections_; connection != nullptr;) {
    Connection* next = connection->next;
    if (connection->draining != nullptr && connection->deadline <= now) {
      EndDrain(connection, 1);
    }
    connection = next;
  }
  for (App* app = apps_; app != nullptr; app = app->next) {
    app->ExpireDeadlines(now);
  }
}

bool Server::ClientsAreBehind() const {
  for (const App* app = apps_; app != nullptr; app = app->next) {
    if (app->NextDeadline() >= 0) {
      return true;
    }
  }
  return false;
}

void Server::Finish() {
  while (apps_ != nullptr) {
    App* app = apps_;
    apps_ = app->next;
    app->DrainNow();
    OutputEnded(app, this);
    App::Destroy(app);
  }
}

}  // namespace rkt::stage1
