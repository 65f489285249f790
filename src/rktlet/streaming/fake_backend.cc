// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/fake_backend.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstdlib>

namespace rktlet::streaming {
namespace {

class ProcessEnd final : public Process {
 public:
  explicit ProcessEnd(std::shared_ptr<FakeProcess> other) : other_(std::move(other)) {}
  ~ProcessEnd() override {
    other_->destroyed = true;
    other_->changed.Notify();
  }

  absl::Status Resize(uint16_t columns, uint16_t rows) override {
    other_->sizes.push_back({columns, rows});
    return absl::OkStatus();
  }

  Awaitable<absl::StatusOr<int>> Wait() override { return WaitFor(other_); }

 private:
  static Awaitable<absl::StatusOr<int>> WaitFor(std::shared_ptr<FakeProcess> other) {
    while (!other->result.has_value() && !other->destroyed) {
      co_await other->changed.Wait();
    }
    if (other->destroyed) {
      co_return absl::CancelledError("nobody waits");
    }
    co_return *other->result;
  }

  std::shared_ptr<FakeProcess> other_;
};

absl::Status Pipe(base::UniqueFd& read, base::UniqueFd& write) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return base::ErrnoStatus(errno, "make a pipe");
  }
  read = base::UniqueFd(ends[0]);
  write = base::UniqueFd(ends[1]);
  return absl::OkStatus();
}

// A terminal that changes nothing of what is written to it: the process has it open, input and output are its master.
absl::Status OpenTerminal(FakeProcess& other, Process& process) {
  process.output = base::UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 64> path{};
  if (!process.output.valid() || ::grantpt(process.output.get()) != 0 || ::unlockpt(process.output.get()) != 0 ||
      ::ptsname_r(process.output.get(), path.data(), path.size()) != 0) {
    return base::ErrnoStatus(errno, "make a terminal");
  }
  other.terminal_path = path.data();
  other.terminal = base::UniqueFd(::open(path.data(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  process.input = base::UniqueFd(::fcntl(process.output.get(), F_DUPFD_CLOEXEC, 3));
  termios mode{};
  if (!other.terminal.valid() || !process.input.valid() || ::tcgetattr(other.terminal.get(), &mode) != 0) {
    return base::ErrnoStatus(errno, "open a terminal");
  }
  ::cfmakeraw(&mode);
  ::tcsetattr(other.terminal.get(), TCSANOW, &mode);
  return absl::OkStatus();
}

}  // namespace

void FakeProcess::Exit(absl::StatusOr<int> with) {
  input.Reset();
  output.Reset();
  error.Reset();
  terminal.Reset();
  result = std::move(with);
  changed.Notify();
}

bool FakeProcess::ReadInput(std::string& bytes) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t size = ::read(input.get(), buffer.data(), buffer.size());
    if (size <= 0) {
      return size == 0;
    }
    bytes.append(buffer.data(), static_cast<size_t>(size));
  }
}

size_t FakeProcess::WriteSome(const base::UniqueFd& fd, std::string_view bytes) {
  const ssize_t size = ::write(fd.get(), bytes.data(), bytes.size());
  return size < 0 ? 0 : static_cast<size_t>(size);
}

absl::StatusOr<std::unique_ptr<Process>> FakeBackend::Make(ExecRequest request) {
  RETURN_IF_ERROR(failure);
  auto other = std::make_shared<FakeProcess>(executor_);
  auto process = std::make_unique<ProcessEnd>(other);
  const bool terminal = request.tty && terminals;
  if (terminal) {
    RETURN_IF_ERROR(OpenTerminal(*other, *process));
  }
  if (request.input && !terminal) {
    RETURN_IF_ERROR(Pipe(other->input, process->input));
  }
  if (request.output && !terminal) {
    RETURN_IF_ERROR(Pipe(process->output, other->output));
  }
  if (request.error) {
    RETURN_IF_ERROR(Pipe(process->error, other->error));
  }
  other->request = std::move(request);
  processes.push_back(std::move(other));
  return process;
}

Awaitable<void> FakeBackend::Hang() {
  boost::asio::steady_timer timer(executor_, boost::asio::steady_timer::time_point::max());
  boost::system::error_code ignored;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
  ++hanging;
  co_await timer.async_wait(token);
  --hanging;
}

Awaitable<absl::StatusOr<std::unique_ptr<Process>>> FakeBackend::Exec(ExecRequest request) {
  if (hangs) {
    co_await Hang();
  }
  co_return Make(std::move(request));
}

Awaitable<absl::StatusOr<std::unique_ptr<Process>>> FakeBackend::Attach(StdioRequest request) {
  if (hangs) {
    co_await Hang();
  }
  ExecRequest whole{std::move(request), {}};
  co_return Make(std::move(whole));
}

Awaitable<absl::StatusOr<base::UniqueFd>> FakeBackend::Connect(spec::PodId /*pod*/, uint16_t port) {
  if (hangs) {
    co_await Hang();
  }
  if (!failure.ok()) {
    co_return failure;
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    co_return base::ErrnoStatus(errno, "make a socket pair");
  }
  connections.emplace_back(port, base::UniqueFd(ends[1]));
  co_return base::UniqueFd(ends[0]);
}

}  // namespace rktlet::streaming
