// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/attach_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>

#include "base/strings.h"
#include "unit/supervisor_client.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
namespace protocol = spec::supervisor;
using base::UniqueFd;
using boost::system::error_code;
using streaming::Awaitable;

using Connection = std::shared_ptr<asio::posix::stream_descriptor>;

// A machine that has much to do is no reason not to attach.
constexpr std::chrono::seconds kSupervisorTime(30);

bool Readable(int fd) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

Awaitable<absl::StatusOr<int>> WaitForEnd(Connection connection, std::string socket_path) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  do {
    co_await connection->async_wait(asio::posix::stream_descriptor::wait_read, token);
  } while (!error && !Readable(connection->native_handle()));  // being woken is not being told
  if (error) {
    co_return absl::CancelledError("attach: ended early");
  }
  const auto last = unit::ReceiveFromSupervisor(connection->native_handle(), socket_path);
  if (!last.ok()) {
    co_return base::Annotate(last.status(), "attach");
  }
  co_return 0;
}

class Attached final : public streaming::Process {
 public:
  Attached(Connection connection, std::string socket_path)
      : connection_(std::move(connection)), socket_path_(std::move(socket_path)) {}
  ~Attached() override {
    error_code ignored;
    connection_->close(ignored);
  }

  absl::Status Resize(uint16_t columns, uint16_t rows) override {
    if (!master_.valid()) {
      return absl::FailedPreconditionError("the container has no terminal");
    }
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::ioctl(master_.get(), TIOCSWINSZ, &size) != 0) {
      return base::ErrnoStatus(errno, "set the terminal's size");
    }
    return absl::OkStatus();
  }

  Awaitable<absl::StatusOr<int>> Wait() override { return WaitForEnd(connection_, socket_path_); }

  absl::Status Take(unit::SupervisorReply& reply) {
    size_t next = 0;
    const std::pair<uint64_t, UniqueFd*> wanted[] = {{protocol::kTty, &master_},
                                                     {protocol::kStdin, &input},
                                                     {protocol::kStdout, &output},
                                                     {protocol::kStderr, &error}};
    for (const auto& [flag, fd] : wanted) {
      if ((reply.value & flag) == 0) {
        continue;
      }
      if (next >= reply.fds.size()) {
        return absl::InternalError("attach: the pod's supervisor gave fewer descriptors than it said");
      }
      *fd = std::move(reply.fds[next++]);
      // Our ends of pipes are ours alone; a master is non-blocking already.
      if (::fcntl(fd->get(), F_SETFL, O_NONBLOCK) != 0) {
        return base::ErrnoStatus(errno, "attach: make a descriptor non-blocking");
      }
    }
    return absl::OkStatus();
  }

 private:
  Connection connection_;
  std::string socket_path_;
  UniqueFd master_;
};

absl::Status Refused(const absl::Status& status) {
  if (absl::IsNotFound(status)) {
    return absl::FailedPreconditionError("attach: the container has not been started");
  }
  if (absl::IsInvalidArgument(status)) {
    return absl::FailedPreconditionError(
        "attach: the pod was started by an older version and cannot be attached to until it is started anew");
  }
  return base::Annotate(status, "attach");
}

}  // namespace

Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> AttachStream(spec::Layout layout,
                                                                            streaming::StdioRequest request) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const std::string path = layout.SupervisorSocket(request.pod);
  const uint32_t flags = protocol::kTty | (request.input ? protocol::kStdin : 0U) |
                         (request.output ? protocol::kStdout : 0U) | (request.error ? protocol::kStderr : 0U);
  std::vector<std::string> strings;
  strings.push_back(request.app.str());
  auto answer = co_await unit::AsyncOpenSupervisor(path, protocol::kAttach, flags, std::move(strings), kSupervisorTime);
  if (!answer.ok()) {
    co_return Refused(answer.status());
  }
  auto connection = std::make_shared<asio::posix::stream_descriptor>(executor, answer->fd.Release());
  auto attached = std::make_unique<Attached>(std::move(connection), path);
  CO_RETURN_IF_ERROR(attached->Take(answer->reply));
  co_return std::unique_ptr<streaming::Process>(std::move(attached));
}

}  // namespace rktlet::engine
