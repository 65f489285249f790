// SPDX-License-Identifier: Apache-2.0
#include "unit/supervisor_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>

#include "base/strings.h"

namespace rktlet::unit {
namespace {

namespace asio = boost::asio;
namespace protocol = spec::supervisor;

using std::chrono::steady_clock;

constexpr size_t kMaxFds = 8;
// Between two attempts to connect to one whose queue is full.
constexpr std::chrono::milliseconds kBusy(10);

absl::Status NoSupervisor(int error, std::string_view action, const std::string& path) {
  if (error == ENOENT || error == ECONNREFUSED || error == EPIPE || error == ECONNRESET) {
    return absl::UnavailableError(base::StrCat("the pod's supervisor is gone (", path, ")"));
  }
  return base::ErrnoStatus(error, base::StrCat(action, " the pod's supervisor ", path));
}

// An invalid descriptor: its queue is full, as that of a supervisor that many want something from, on a busy machine.
absl::StatusOr<base::UniqueFd> Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(base::StrCat("socket path too long: ", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return base::ErrnoStatus(errno, "make a socket");
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EAGAIN) {
      return base::UniqueFd();
    }
    return NoSupervisor(errno, "connect to", path);
  }
  return fd;
}

absl::StatusOr<std::string> MakePacket(protocol::Operation operation, uint32_t flags,
                                       const std::vector<std::string>& strings) {
  const protocol::RequestHeader header{protocol::kMagic, operation, flags, 0};
  std::string packet(reinterpret_cast<const char*>(&header), sizeof(header));
  for (const std::string& string : strings) {
    if (string.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("a name for the supervisor has a NUL byte");
    }
    packet.append(string.c_str(), string.size() + 1);
  }
  if (packet.size() > protocol::kMaxPacket) {
    return absl::InvalidArgumentError("a request to the supervisor is too long");
  }
  return packet;
}

// As Connect.
absl::StatusOr<base::UniqueFd> Send(const std::string& path, const std::string& packet) {
  ASSIGN_OR_RETURN(base::UniqueFd fd, Connect(path));
  if (fd.valid() &&
      ::send(fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(packet.size())) {
    return NoSupervisor(errno, "write to", path);
  }
  return fd;
}

bool Readable(int fd) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

void TakeDescriptors(msghdr& message, std::vector<base::UniqueFd>& fds) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::array<int, kMaxFds> numbers{};
    std::memcpy(numbers.data(), CMSG_DATA(control), std::min(count, kMaxFds) * sizeof(int));
    for (size_t i = 0; i < std::min(count, kMaxFds); ++i) {
      fds.emplace_back(numbers[i]);
    }
  }
}

absl::StatusOr<SupervisorReply> Receive(int fd, const std::string& path) {
  std::string packet(protocol::kMaxPacket, '\0');
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  iovec vector{.iov_base = packet.data(), .iov_len = packet.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  SupervisorReply reply;
  if (size >= 0) {
    TakeDescriptors(message, reply.fds);
  }
  protocol::ReplyHeader header{};
  if (size < static_cast<ssize_t>(sizeof(header))) {
    return NoSupervisor(size < 0 ? errno : ECONNREFUSED, "read from", path);
  }
  std::memcpy(&header, packet.data(), sizeof(header));
  if (header.magic != protocol::kMagic) {
    return absl::InternalError(base::StrCat("the supervisor at ", path, " speaks another protocol"));
  }
  reply.value = header.value;
  reply.text = packet.substr(sizeof(header), static_cast<size_t>(size) - sizeof(header));
  reply.text.resize(std::strlen(reply.text.c_str()));
  if (header.error != 0) {
    return base::ErrnoStatus(header.error, reply.text.empty() ? "the pod's supervisor" : reply.text);
  }
  return reply;
}

absl::Status TooSlow(const std::string& path) {
  return absl::DeadlineExceededError(base::StrCat("the pod's supervisor does not answer (", path, ")"));
}

}  // namespace

absl::StatusOr<SupervisorReply> ReceiveFromSupervisor(int fd, const std::string& socket_path) {
  return Receive(fd, socket_path);
}

absl::StatusOr<SupervisorConnection> OpenSupervisor(const std::string& socket_path, protocol::Operation operation,
                                                    uint32_t flags, const std::vector<std::string>& strings,
                                                    std::chrono::milliseconds timeout) {
  ASSIGN_OR_RETURN(const std::string packet, MakePacket(operation, flags, strings));
  const auto deadline = steady_clock::now() + timeout;
  SupervisorConnection connection;
  ASSIGN_OR_RETURN(connection.fd, Send(socket_path, packet));
  while (!connection.fd.valid()) {
    if (steady_clock::now() >= deadline) {
      return TooSlow(socket_path);
    }
    std::this_thread::sleep_for(kBusy);
    ASSIGN_OR_RETURN(connection.fd, Send(socket_path, packet));
  }
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    pollfd poll_fd{.fd = connection.fd.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) {
      ASSIGN_OR_RETURN(connection.reply, Receive(connection.fd.get(), socket_path));
      return connection;
    }
    if (ready == 0) {
      return TooSlow(socket_path);
    }
    if (errno != EINTR) {
      return base::ErrnoStatus(errno, "wait for the pod's supervisor");
    }
  }
}

absl::StatusOr<SupervisorReply> CallSupervisor(const std::string& socket_path, protocol::Operation operation,
                                               uint32_t flags, const std::vector<std::string>& strings,
                                               std::chrono::milliseconds timeout) {
  ASSIGN_OR_RETURN(SupervisorConnection connection, OpenSupervisor(socket_path, operation, flags, strings, timeout));
  return std::move(connection.reply);
}

asio::awaitable<absl::StatusOr<SupervisorConnection>> AsyncOpenSupervisor(std::string socket_path,
                                                                          protocol::Operation operation, uint32_t flags,
                                                                          std::vector<std::string> strings,
                                                                          std::chrono::milliseconds timeout) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  CO_ASSIGN_OR_RETURN(const std::string packet, MakePacket(operation, flags, strings));
  const auto deadline = steady_clock::now() + timeout;
  CO_ASSIGN_OR_RETURN(base::UniqueFd fd, Send(socket_path, packet));
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  while (!fd.valid()) {
    if (steady_clock::now() >= deadline) {
      co_return TooSlow(socket_path);
    }
    asio::steady_timer busy(executor, kBusy);
    co_await busy.async_wait(token);
    CO_ASSIGN_OR_RETURN(fd, Send(socket_path, packet));
  }
  const auto socket = std::make_shared<asio::posix::stream_descriptor>(executor, fd.Release());
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([socket](const boost::system::error_code& error) {
    if (!error) {
      boost::system::error_code ignored;
      socket->cancel(ignored);
    }
  });
  do {
    co_await socket->async_wait(asio::posix::stream_descriptor::wait_read, token);
  } while (!error && !Readable(socket->native_handle()));
  if (error == asio::error::operation_aborted) {
    co_return TooSlow(socket_path);
  }
  if (error) {
    co_return absl::InternalError(base::StrCat("wait for the pod's supervisor: ", error.message()));
  }
  SupervisorConnection connection;
  connection.fd = base::UniqueFd(socket->release());
  CO_ASSIGN_OR_RETURN(connection.reply, Receive(connection.fd.get(), socket_path));
  co_return connection;
}

asio::awaitable<absl::StatusOr<SupervisorReply>> AsyncCallSupervisor(std::string socket_path,
                                                                     protocol::Operation operation, uint32_t flags,
                                                                     std::vector<std::string> strings,
                                                                     std::chrono::milliseconds timeout) {
  auto connection = co_await AsyncOpenSupervisor(std::move(socket_path), operation, flags, std::move(strings), timeout);
  CO_RETURN_IF_ERROR(connection.status());
  co_return std::move(connection->reply);
}

}  // namespace rktlet::unit
