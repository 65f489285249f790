// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/fake_backend.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

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

}  // namespace

void FakeProcess::Exit(absl::StatusOr<int> with) {
  input.Reset();
  output.Reset();
  error.Reset();
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
  if (request.input) {
    RETURN_IF_ERROR(Pipe(other->input, process->input));
  }
  if (request.output) {
    RETURN_IF_ERROR(Pipe(process->output, other->output));
  }
  if (request.error) {
    RETURN_IF_ERROR(Pipe(process->error, other->error));
  }
  other->request = std::move(request);
  processes.push_back(std::move(other));
  return process;
}

Awaitable<absl::StatusOr<std::unique_ptr<Process>>> FakeBackend::Exec(ExecRequest request) {
  co_return Make(std::move(request));
}

Awaitable<absl::StatusOr<std::unique_ptr<Process>>> FakeBackend::Attach(StdioRequest request) {
  ExecRequest whole{std::move(request), {}};
  co_return Make(std::move(whole));
}

Awaitable<absl::StatusOr<base::UniqueFd>> FakeBackend::Connect(spec::PodId /*pod*/, uint16_t port) {
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
