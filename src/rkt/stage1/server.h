// SPDX-License-Identifier: Apache-2.0
// Serves spec/supervisor_protocol.h: connections, packets in and out, the list of apps.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rkt/stage1/app.h"
#include "rkt/stage1/loop.h"
#include "rkt/stage1/request.h"

namespace rkt::stage1 {

class Server {
 public:
  // Serves the listening socket `fd`. 0 or an errno.
  int Open(Loop* loop, int fd, const char* run_directory, const char* shm);

  // The time until a kDrain gives up, or a client is dropped that does not read, in ms; -1: none waits.
  int MillisToNextDeadline() const;
  void ExpireDeadlines();

  // Whether a client has still to take output.
  bool ClientsAreBehind() const;

  // Writes all that is in the pipes to the logs and lets every app go.
  void Finish();

 private:
  struct Connection {
    Server* server;
    Source source;
    Connection* next;
    App* draining;     // a kDrain waits for this app's end of output
    int64_t deadline;  // of that wait, CLOCK_MONOTONIC in ms
  };

  static void Accept(Source* source, uint32_t events);
  static void Receive(Source* source, uint32_t events);
  static void OutputEnded(App* app, void* context);

  void Add(int fd);
  void Drop(Connection* connection);
  void Serve(Connection* connection, const Request& request);
  void Stdio(Connection* connection, const Request& request);
  void Start(Connection* connection, const Request& request);
  void Attach(Connection* connection, const Request& request);
  void Resize(Connection* connection, const Request& request);
  void LogState(Connection* connection, const Request& request);
  void Forget(Connection* connection, const Request& request);
  void Drain(Connection* connection, const Request& request);
  void EndDrain(Connection* connection, uint64_t value);
  void Reply(Connection* connection, int error, uint64_t value, const char* text, const int* fds = nullptr,
             int count = 0);

  App* Find(const char* name) const;
  int OpenShm(int* fd) const;
  uint64_t AppsWithOutput() const;

  Loop* loop_ = nullptr;
  Source listener_;
  int spare_fd_ = -1;  // closed to accept and turn away a client when descriptors run out
  const char* run_directory_ = nullptr;
  const char* shm_ = nullptr;
  char boot_id_[64] = "";
  App* apps_ = nullptr;
  Connection* connections_ = nullptr;
  int connection_count_ = 0;
  uint64_t console_count_ = 0;  // numbers the console sockets
};

}  // namespace rkt::stage1
