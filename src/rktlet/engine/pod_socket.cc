// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/pod_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>
#include <thread>

#include "base/files.h"
#include "base/strings.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
using base::StrCat;
using base::UniqueFd;
using boost::system::error_code;
using streaming::Awaitable;

constexpr std::chrono::seconds kConnectTimeout(10);

absl::StatusOr<UniqueFd> MakeSocket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return base::ErrnoStatus(errno, "make a socket");
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

// A socket belongs to the network namespace of the thread that makes it, for good: a thread of its own goes there and
// ends, so that ours need not find its way back. That takes some ten microseconds.
absl::StatusOr<UniqueFd> MakeSocketIn(int network_namespace, int family) {
  absl::StatusOr<UniqueFd> result = absl::InternalError("no thread");
  try {
    std::thread([&result, network_namespace, family] {
      if (::setns(network_namespace, CLONE_NEWNET) != 0) {
        result = base::ErrnoStatus(errno, "enter the pod's network namespace");
      } else {
        result = MakeSocket(family);
      }
    }).join();
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(StrCat("start a thread: ", error.what()));
  }
  return result;
}

// The namespace to make sockets in; invalid: ours.
absl::StatusOr<UniqueFd> OpenNamespace(const spec::Layout& layout, const spec::PodId& pod) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(layout.PodFile(pod, spec::kPodFile)));
  ASSIGN_OR_RETURN(const spec::PodRecord record, spec::ParsePodRecord(text));
  if (record.spec.network == spec::NamespaceMode::kNode) {
    return UniqueFd();
  }
  absl::StatusOr<UniqueFd> fd = base::OpenAt(AT_FDCWD, layout.NetworkNamespace(pod), O_RDONLY);
  if (!fd.ok()) {
    return absl::FailedPreconditionError(StrCat("port-forward: the pod has no network: ", fd.status().message()));
  }
  return fd;
}

int StartConnect(int fd, int family, uint16_t port) {
  int result = 0;
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  return result == 0 ? 0 : errno;
}

// Waits until the connection is made or has failed; its errno.
Awaitable<int> AwaitConnection(int fd) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto socket = std::make_shared<asio::posix::stream_descriptor>(executor, fd);
  asio::steady_timer timer(executor, kConnectTimeout);
  timer.async_wait([socket](error_code error) {
    if (!error) {
      error_code ignored;
      socket->cancel(ignored);
    }
  });
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket->async_wait(asio::posix::stream_descriptor::wait_write, token);
  static_cast<void>(socket->release());  // the caller's
  if (error) {
    co_return ETIMEDOUT;
  }
  int result = 0;
  socklen_t size = sizeof(result);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) != 0) {
    co_return errno;
  }
  co_return result;
}

}  // namespace

Awaitable<absl::StatusOr<UniqueFd>> ConnectInPod(spec::Layout layout, spec::PodId pod, uint16_t port) {
  CO_ASSIGN_OR_RETURN(const UniqueFd network_namespace, OpenNamespace(layout, pod));
  int first_error = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    absl::StatusOr<UniqueFd> socket =
        network_namespace.valid() ? MakeSocketIn(network_namespace.get(), family) : MakeSocket(family);
    if (!socket.ok()) {
      if (family == AF_INET6 && first_error != 0) {
        break;  // a machine without IPv6
      }
      co_return base::Annotate(socket.status(), "port-forward");
    }
    int error = StartConnect(socket->get(), family, port);
    if (error == EINPROGRESS) {
      error = co_await AwaitConnection(socket->get());
    }
    if (error == 0) {
      co_return *std::move(socket);
    }
    first_error = first_error == 0 ? error : first_error;
  }
  if (first_error == ECONNREFUSED) {
    co_return absl::UnavailableError(StrCat("port-forward: nothing listens on port ", port, " in the pod"));
  }
  co_return base::ErrnoStatus(first_error, StrCat("port-forward: connect to port ", port, " in the pod"));
}

}  // namespace rktlet::engine
