// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/ask_supervisor.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "rkt/stage1/sockets.h"
#include "spec/supervisor_protocol.h"

namespace rkt::stage1 {
namespace {

namespace supervisor = rktlet::spec::supervisor;

// Whether the answer is 1.
bool Ask(int fd, const sockaddr_un& address, supervisor::Operation operation, const char* app) {
  const timeval limit = {2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return false;
  }
  const supervisor::RequestHeader request{supervisor::kMagic, operation, 0, 0};
  if (SendPacket(fd, &request, sizeof(request), app, strlen(app) + 1, nullptr, 0) != 0) {
    return false;
  }
  char packet[512];
  supervisor::ReplyHeader reply{};
  const ssize_t size = recv(fd, packet, sizeof(packet), 0);
  if (size < static_cast<ssize_t>(sizeof(reply))) {
    return false;
  }
  memcpy(&reply, packet, sizeof(reply));
  return reply.magic == supervisor::kMagic && reply.error == 0 && reply.value == 1;
}

bool AskAt(const char* socket_path, supervisor::Operation operation, const char* app) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = strlen(socket_path);
  if (length >= sizeof(address.sun_path)) {
    return false;
  }
  memcpy(address.sun_path, socket_path, length);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return false;
  }
  const bool answer = Ask(fd, address, operation, app);
  close(fd);
  return answer;
}

}  // namespace

bool SupervisorSawOom(const char* socket_path, const char* app) {
  return AskAt(socket_path, supervisor::kOomSeen, app);
}

void DrainSupervisor(const char* socket_path, const char* app) { AskAt(socket_path, supervisor::kDrain, app); }

}  // namespace rkt::stage1
