// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/streaming/address.h"
#include "rktlet/streaming/core.h"
#include "rktlet/streaming/negotiation.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kOutOfDescriptors(200);
// Until it is looked again whether one of those who have shown no token has left, or may be sent away.
constexpr std::chrono::milliseconds kCrowded(20);
// How long everybody has for the token, however many come at once.
constexpr std::chrono::seconds kPatience(1);
// How long a client that is to end has to take what it is told of it.
constexpr std::chrono::seconds kFarewell(1);
constexpr std::chrono::nanoseconds kMaxTick = std::chrono::seconds(10);
constexpr std::chrono::nanoseconds kMinTick = std::chrono::milliseconds(5);

// Finds out about clients whose machine has vanished; small messages are not held back.
void SetTcpOptions(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

Kind KindOf(const Request& request) {
  if (std::holds_alternative<ExecRequest>(request)) {
    return Kind::kExec;
  }
  return std::holds_alternative<AttachRequest>(request) ? Kind::kAttach : Kind::kPortForward;
}

std::string WithoutSlash(std::string url) {
  while (!url.empty() && url.back() == '/') {
    url.pop_back();
  }
  return url;
}

}  // namespace

class Server::Parts {
 public:
  Parts(const asio::any_io_executor& executor, Backend& backend, const Limits& limits)
      : core_(executor, backend, limits),
        listener_(executor),
        pause_(executor),
        tick_(executor),
        all_gone_(executor),
        background_(executor) {}

  absl::Status Start(Options options) {
    ASSIGN_OR_RETURN(address_, ParseAddress(options.address));
    if (options.certificate.empty() != options.key.empty()) {
      return absl::InvalidArgumentError("TLS needs both a certificate and a key");
    }
    const bool tls = !options.certificate.empty();
    if (tls) {
      ASSIGN_OR_RETURN(core_.certificates, Certificates::Load(std::move(options.certificate), std::move(options.key)));
    }
    ASSIGN_OR_RETURN(base::UniqueFd socket, Listen(address_));
    ASSIGN_OR_RETURN(const std::string url, UrlOf(address_, socket.get(), tls));
    url_ = options.url.empty() ? url : WithoutSlash(std::move(options.url));
    listener_.assign(socket.Release());
    core_.spdy = std::move(options.spdy);
    if (!tls && !address_.loopback()) {
      base::journal::Warning("Streams are served without TLS on an address that other machines may reach",
                             {{"ADDRESS", options.address}});
    }
    std::signal(SIGPIPE, SIG_IGN);  // a process that does not read its input
    background_.Spawn(Accept());
    background_.Spawn(EndIdle());
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> UrlFor(Request request) {
    if (core_.stopping) {
      return absl::UnavailableError("rktlet is stopping");
    }
    const Kind kind = KindOf(request);
    ASSIGN_OR_RETURN(const std::string token, core_.tokens.Insert(std::move(request)));
    return base::StrCat(url_, "/", PathOf(kind), "/", token);
  }

  Awaitable<void> Stop(std::chrono::nanoseconds grace) {
    core_.stopping = true;
    error_code ignored;
    listener_.close(ignored);
    pause_.cancel();
    tick_.Notify();
    if (address_.unix_socket()) {
      ::unlink(address_.path.c_str());
    }
    AbortWhere([](const Client& client) { return !client.admitted; });
    background_.Spawn(CutOff(grace));
    co_await core_.tasks.Wait();
    all_gone_.Notify();
    co_await background_.Wait();
  }

  const std::string& url() const { return url_; }
  size_t clients() const { return core_.clients.size(); }
  size_t buffered() const { return core_.environment.usage.buffered; }

 private:
  template <typename Predicate>
  void AbortWhere(Predicate predicate) {
    for (Client& client : core_.clients) {
      if (predicate(client)) {
        client.socket.Close();
      }
    }
  }

  // Whoever is left after the grace time is told, and whoever does not take that is cut off.
  Awaitable<void> CutOff(std::chrono::nanoseconds grace) {
    const bool in_time = core_.clients.empty() || co_await all_gone_.WaitFor(grace);
    if (in_time) {
      co_return;
    }
    for (Client& client : core_.clients) {
      EndClient(client, absl::UnavailableError("rktlet is stopping"));
    }
    const bool gone = co_await all_gone_.WaitFor(kFarewell);
    if (!gone) {
      AbortWhere([](const Client&) { return true; });
    }
  }

  // A command tells its client; what has nothing to tell is cut off.
  void EndClient(Client& client, absl::Status why) {
    const bool asked = client.ending.why().has_value();
    if (!client.ending.Ask(std::move(why))) {
      client.socket.Close();
    } else if (!asked) {
      client.asked_to_end = steady_clock::now();
    } else if (steady_clock::now() - client.asked_to_end >= kFarewell) {
      client.socket.Close();
    }
  }

  Awaitable<void> Accept() {
    while (!core_.stopping) {
      error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      if (SomebodyComes() && !MakeRoom()) {
        pause_.expires_after(kCrowded);
        co_await pause_.async_wait(token);
        continue;
      }
      base::UniqueFd accepted(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (accepted.valid()) {
        Welcome(std::move(accepted));
        co_await Yield();  // what it has sent already is looked at before the next one is
        continue;
      }
      if (errno == EAGAIN) {
        co_await listener_.async_wait(asio::posix::stream_descriptor::wait_read, token);
      } else if (errno != EINTR && errno != ECONNABORTED) {
        base::journal::Error("Streaming connections are not accepted for a moment",
                             {{"STATUS", base::ErrnoStatus(errno, "accept")}});
        pause_.expires_after(kOutOfDescriptors);
        co_await pause_.async_wait(token);
      }
    }
  }

  bool SomebodyComes() {
    pollfd poll{listener_.native_handle(), POLLIN, 0};
    return ::poll(&poll, 1, 0) == 1;
  }

  void Welcome(base::UniqueFd accepted) {
    if (!address_.unix_socket()) {
      SetTcpOptions(accepted.get());
    }
    const int family = address_.unix_socket() ? AF_UNIX : address_.v6 ? AF_INET6 : AF_INET;
    const asio::generic::stream_protocol protocol(family, address_.unix_socket() ? 0 : IPPROTO_TCP);
    SocketStream::Socket socket(core_.executor);
    error_code error;
    socket.assign(protocol, accepted.get(), error);
    if (error) {
      base::journal::Error("A streaming connection is lost", {{"STATUS", absl::InternalError(error.message())}});
      return;
    }
    (void)accepted.Release();
    core_.clients.push_back(Client{SocketStream(std::move(socket))});
    core_.tasks.Spawn(Serve(std::prev(core_.clients.end())));
  }

  // Those who have shown no token yet make room for new ones, the oldest first, once they have had the time to show it.
  // False: they have not, and new ones wait in the kernel's queue.
  bool MakeRoom() {
    const size_t waiting = core_.clients.size() - core_.admitted;
    if (waiting < core_.environment.limits.handshakes) {
      return true;
    }
    const auto oldest = std::find_if(core_.clients.begin(), core_.clients.end(), [](const Client& client) {
      return !client.admitted && !client.socket.PeerHasLeft();
    });
    if (oldest == core_.clients.end() || steady_clock::now() - oldest->socket.touched() < kPatience) {
      return false;
    }
    oldest->socket.Close();
    return true;
  }

  Awaitable<void> Serve(std::list<Client>::iterator client) {
    co_await ServeClient(core_, *client);
    core_.admitted -= client->admitted ? 1 : 0;
    core_.clients.erase(client);
  }

  Awaitable<void> EndIdle() {
    while (!core_.stopping) {
      const std::chrono::nanoseconds limit = core_.environment.limits.idle_time;
      const bool endless = limit <= std::chrono::nanoseconds(0);
      co_await tick_.WaitFor(endless ? kMaxTick : std::clamp(limit / 4, kMinTick, kMaxTick));
      const auto now = steady_clock::now();
      for (Client& client : core_.clients) {
        const bool idle = !endless && client.admitted && now - client.socket.touched() >= limit;
        if (idle || client.ending.why().has_value()) {
          const auto seconds = std::chrono::duration<double>(limit).count();
          EndClient(client, absl::DeadlineExceededError(base::StrCat("nothing has moved for ", seconds, " s")));
        }
      }
    }
  }

  Core core_;
  Address address_;
  std::string url_;
  asio::posix::stream_descriptor listener_;
  asio::steady_timer pause_;
  Signal tick_;
  Signal all_gone_;
  Tasks background_;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const asio::any_io_executor& executor, Backend& backend,
                                                      const Limits& limits, Options options) {
  auto parts = std::make_unique<Parts>(executor, backend, limits);
  RETURN_IF_ERROR(parts->Start(std::move(options)));
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

absl::StatusOr<std::string> Server::UrlFor(Request request) { return parts_->UrlFor(std::move(request)); }
asio::awaitable<void> Server::Stop(std::chrono::nanoseconds grace) { return parts_->Stop(grace); }
const std::string& Server::url() const { return parts_->url(); }
size_t Server::clients() const { return parts_->clients(); }
size_t Server::buffered() const { return parts_->buffered(); }

}  // namespace rktlet::streaming
