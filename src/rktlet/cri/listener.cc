// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"

namespace rktlet::cri {
namespace {

namespace asio = boost::asio;
using base::StrCat;
using boost::system::error_code;

constexpr int kBacklog = 128;
constexpr std::chrono::milliseconds kOutOfDescriptors(200);

absl::StatusOr<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(StrCat(path, ": too long for a socket"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

bool SomebodyListens(const sockaddr_un& address) {
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool MayConnect(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return false;
  }
  if (peer.uid == 0 || peer.uid == ::geteuid()) {
    return true;
  }
  base::journal::Warning("Connection refused: only root may speak to the container runtime",
                         {{"PEER_UID", static_cast<int64_t>(peer.uid)}, {"PEER_PID", static_cast<int64_t>(peer.pid)}});
  return false;
}

}  // namespace

absl::StatusOr<base::UniqueFd> ListenAt(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, Address(path));
  RETURN_IF_ERROR(base::MakeDirectories(path.substr(0, path.rfind('/'))));
  if (SomebodyListens(address)) {
    return absl::AlreadyExistsError(StrCat(path, ": another program listens there"));
  }
  ::unlink(path.c_str());
  base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) {
    return base::ErrnoStatus(errno, "make a socket");
  }
  // Before the file exists: no moment in which others could connect.
  ::fchmod(socket.get(), 0600);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return base::ErrnoStatus(errno, StrCat("bind ", path));
  }
  if (::listen(socket.get(), kBacklog) != 0) {
    return base::ErrnoStatus(errno, StrCat("listen at ", path));
  }
  return socket;
}

Listener::Listener(asio::any_io_executor executor, base::UniqueFd socket, OnConnection on_connection)
    : socket_(executor), pause_(executor), on_connection_(std::move(on_connection)) {
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  socket_.assign(socket.Release());
  Wait();
}

void Listener::Stop() {
  *stopped_ = true;
  error_code ignored;
  socket_.close(ignored);
  pause_.cancel();
}

void Listener::Wait() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read, [this, stopped = stopped_](error_code error) {
    if (!error && !*stopped) {
      AcceptAll();
    }
  });
}

void Listener::AcceptAll() {
  while (true) {
    base::UniqueFd connection(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection.valid()) {
      if (MayConnect(connection.get())) {
        on_connection_(std::move(connection));
      }
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) {
      continue;
    }
    if (errno == EAGAIN) {
      Wait();
      return;
    }
    base::journal::Error("Connections are not accepted for a moment", {{"STATUS", base::ErrnoStatus(errno, "accept")}});
    pause_.expires_after(kOutOfDescriptors);
    pause_.async_wait([this, stopped = stopped_](error_code error) {
      if (!error && !*stopped) {
        AcceptAll();
      }
    });
    return;
  }
}

}  // namespace rktlet::cri
