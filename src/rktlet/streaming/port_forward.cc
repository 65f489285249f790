// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/port_forward.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <optional>

#include "base/strings.h"
#include "rktlet/streaming/descriptor.h"
#include "rktlet/streaming/growing_buffer.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {
namespace {

using base::StrCat;

// One forwarded connection. Lives in the frame of ForwardPort, which waits for both directions.
class Forward {
 public:
  Forward(const boost::asio::any_io_executor& executor, Environment& environment, Stream& data, OpenForwards& open)
      : budget_{environment.limits.forward_buffers, environment.usage.forward_buffers},
        data_(data),
        open_(open),
        socket_(executor),
        tasks_(executor) {}
  ~Forward() { open_.Remove(socket_); }
  Forward(const Forward&) = delete;
  Forward& operator=(const Forward&) = delete;

  Awaitable<absl::Status> Run(base::UniqueFd socket) {
    absl::Status opened = socket_.Open(std::move(socket));
    CO_RETURN_IF_ERROR(opened);
    open_.Add(socket_);
    tasks_.Spawn(CopyIn());
    tasks_.Spawn(CopyOut());
    co_await tasks_.Wait();
    co_return absl::OkStatus();
  }

 private:
  // From the client into the pod.
  Awaitable<void> CopyIn() {
    GrowingBuffer buffer(budget_);
    while (true) {
      auto size = co_await data_.Read(buffer.span());
      if (!size.ok()) {
        socket_.Close();  // the client or the channel has gone: the other direction ends as well
        co_return;
      }
      if (*size == 0) {
        break;
      }
      absl::Status written = co_await socket_.Write({buffer.span().data(), *size});
      if (!written.ok()) {
        // The server in the pod reads no more; what it says is still copied. What still comes for it is dropped, or it
        // would hold back the other ports.
        data_.CancelRead();
        co_return;
      }
      buffer.Used(*size);
    }
    if (socket_.is_open()) {
      ::shutdown(socket_.fd(), SHUT_WR);
    }
  }

  // From the pod to the client. A connection that the server in the pod resets ends like one that it closes: the others
  // of the same client go on, and a message would end them.
  Awaitable<void> CopyOut() {
    GrowingBuffer buffer(budget_);
    while (socket_.is_open()) {
      auto size = socket_.TryRead(buffer.span());
      if (absl::IsUnavailable(size.status())) {
        absl::Status readable = co_await socket_.WaitReadable();
        if (!readable.ok()) {
          break;
        }
        continue;
      }
      if (!size.ok() || *size == 0) {
        break;
      }
      absl::Status written = co_await data_.Write({buffer.span().data(), *size});
      if (!written.ok()) {
        break;
      }
      buffer.Used(*size);
    }
    co_await data_.CloseWrite();
  }

  const BufferBudget budget_;
  Stream& data_;
  OpenForwards& open_;
  Descriptor socket_;
  Tasks tasks_;
};

// One of the ports that are forwarded at this time, as long as it lives.
class Place {
 public:
  explicit Place(Usage& usage) : usage_(usage) { ++usage_.forwards; }
  ~Place() { --usage_.forwards; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Usage& usage_;
};

absl::Status CheckPort(const Environment& environment, const PortForwardRequest& request, uint16_t port) {
  const bool named = std::find(request.ports.begin(), request.ports.end(), port) != request.ports.end();
  if (port == 0 || (!request.ports.empty() && !named)) {
    return absl::PermissionDeniedError("this URL was not made for that port");
  }
  if (environment.usage.forwards >= environment.limits.total_forwards) {
    return absl::ResourceExhaustedError("too many connections are forwarded");
  }
  return absl::OkStatus();
}

}  // namespace

OpenForwards::OpenForwards(const boost::asio::any_io_executor& executor, const Environment& environment,
                           Connection& connection)
    : connection_(connection), end_(executor, [this] {
        closed_ = true;
        connecting_.Cancel();
        for (Descriptor* socket : sockets_) {
          socket->Close();
        }
      }) {
  connection.OnClosed([this, &environment] { end_.Start(environment.limits.drain_time); });
}

void OpenForwards::Add(Descriptor& socket) {
  sockets_.insert(&socket);
  if (closed_) {
    socket.Close();
  }
}

Awaitable<void> ForwardPort(Environment& environment, PortForwardRequest request, uint16_t port,
                            std::unique_ptr<Stream> data, std::unique_ptr<Stream> error, OpenForwards& open) {
  auto executor = co_await boost::asio::this_coro::executor;
  absl::Status status = CheckPort(environment, request, port);
  const Place place(environment.usage);
  error->CancelRead();  // what clients say there means nothing, and must not hold back the ports
  base::UniqueFd socket;
  if (status.ok()) {
    Awaitable<absl::StatusOr<base::UniqueFd>> call = environment.backend.Connect(request.pod, port);
    auto connected = co_await open.connecting().Run(std::move(call));
    status = connected.status();
    socket = connected.ok() ? *std::move(connected) : base::UniqueFd();
  }
  if (status.ok()) {
    Forward forward(executor, environment, *data, open);
    status = co_await forward.Run(std::move(socket));
  }
  if (!status.ok()) {
    const std::string message =
        StrCat("error forwarding port ", port, " to pod ", request.pod.str(), ": ", std::string(status.message()));
    absl::Status ignored = co_await error->Write(message);
    co_await data->CloseWrite();
  }
  co_await error->CloseWrite();
}

}  // namespace rktlet::streaming
