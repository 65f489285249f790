// SPDX-License-Identifier: Apache-2.0
// Runs the real rkt-helper as a supervisor in a temporary directory, and speaks its protocol. For tests.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/pid_fd.h"
#include "base/unique_fd.h"
#include "spec/supervisor_protocol.h"

namespace rkt::stage1 {

// Passes a terminal to the console socket as the runtime does.
void SendTerminal(const std::string& console_socket, int master);

struct HarnessReply {
  int error = 0;
  uint64_t value = 0;
  std::string text;
  std::vector<rktlet::base::UniqueFd> fds;
};

class SupervisorHarness {
 public:
  // `patience`: how long a client that does not read may hold the container up, in ms; 250 outside of tests.
  explicit SupervisorHarness(int patience = 3000);
  ~SupervisorHarness();
  SupervisorHarness(const SupervisorHarness&) = delete;
  SupervisorHarness& operator=(const SupervisorHarness&) = delete;

  std::string File(const std::string& name) const { return dir_.File(name); }
  // Makes a container directory and returns its path.
  std::string MakeContainer(const std::string& name);

  // One packet and its reply over a new connection.
  HarnessReply Call(rktlet::spec::supervisor::Operation operation, const std::vector<std::string>& strings,
                    uint32_t flags = 0);
  HarnessReply SendRaw(const std::string& packet);

  // A request whose connection stays: `connection` gets further packets.
  struct Attachment {
    HarnessReply reply;
    rktlet::base::UniqueFd connection;
  };
  Attachment Attach(const std::string& app, uint32_t flags);
  // The next packet on a connection; error -1 at its end.
  static HarnessReply NextReply(const rktlet::base::UniqueFd& connection);

  // Asks the supervisor to end and returns how it did.
  rktlet::base::ExitStatus Terminate();

  pid_t pid() const { return process_.pid(); }
  // What it wrote to stderr, which is the journal elsewhere, since the last call.
  std::string Said() const;
  // Where it sends entries for the journal.
  std::string journal_socket() const { return dir_.File("journal"); }
  bool Alive() const { return !process_.Ended(); }
  const std::string& socket() const { return socket_path_; }

 private:
  Attachment Exchange(const std::string& packet);

  rktlet::base::TempDir dir_;
  std::string socket_path_;
  rktlet::base::UniqueFd said_;
  rktlet::base::PidFd process_;
};

// The program under test.
std::string HelperPath();

// Runs the helper to its end with this environment, and returns its exit code.
int RunHelper(const std::vector<std::string>& args, const std::map<std::string, std::string>& environment);

// The content of a file once `wanted` holds for it, or what it is after some seconds.
std::string WaitForFile(const std::string& path, const std::function<bool(const std::string&)>& wanted);

}  // namespace rkt::stage1
