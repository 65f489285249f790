// SPDX-License-Identifier: Apache-2.0
// For tests of sessions over SPDY: a client in memory, the other half of rktlet::spdy, on a socket pair, and a backend
// of one command and of sockets.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/spdy/connection.h"
#include "rktlet/streaming/spdy_serve.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming::serving {

namespace asio = boost::asio;

using Kind = spdy::Event::Kind;

inline std::pair<base::UniqueFd, base::UniqueFd> SocketPair() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

// Reading end, writing end.
inline std::pair<base::UniqueFd, base::UniqueFd> Pipe() {
  int fds[2];
  EXPECT_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

class SocketTransport final : public Transport {
 public:
  SocketTransport(asio::io_context& loop, base::UniqueFd fd)
      : socket_(loop, asio::local::stream_protocol(), fd.Release()) {}

  Awaitable<absl::StatusOr<size_t>> Read(std::span<char> buffer) override {
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const size_t size = co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), token);
    if (error && error != asio::error::eof) {
      co_return absl::UnavailableError(error.message());
    }
    co_return size;
  }
  Awaitable<absl::Status> Write(std::string_view data) override {
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_write(socket_, asio::buffer(data.data(), data.size()), token);
    co_return error ? absl::UnavailableError(error.message()) : absl::OkStatus();
  }
  Awaitable<void> Close() override {
    socket_.close();
    co_return;
  }
  void Abort() override { socket_.close(); }
  void Touch() override {}
  bool PeerHasLeft() const override {
    pollfd fd{.fd = const_cast<asio::local::stream_protocol::socket&>(socket_).native_handle(), .events = POLLRDHUP};
    return ::poll(&fd, 1, 0) == 1;
  }

 private:
  asio::local::stream_protocol::socket socket_;
};

// What the command's side of a FakeProcess sees.
struct Command {
  explicit Command(const asio::any_io_executor& executor) : ended(executor) {}
  base::UniqueFd input;
  base::UniqueFd output;
  base::UniqueFd error;
  std::vector<std::string> sizes;
  std::optional<absl::StatusOr<int>> result;
  bool killed = false;
  Signal ended;

  void End(absl::StatusOr<int> code) {
    output.Reset();
    error.Reset();
    result = std::move(code);
    ended.Notify();
  }
};

class FakeProcess final : public Process {
 public:
  explicit FakeProcess(std::shared_ptr<Command> command) : command_(std::move(command)) {}
  ~FakeProcess() override {
    command_->killed = true;
    command_->ended.Notify();
  }
  absl::Status Resize(uint16_t columns, uint16_t rows) override {
    command_->sizes.push_back(base::StrCat(columns, "x", rows));
    return absl::OkStatus();
  }
  Awaitable<absl::StatusOr<int>> Wait() override { return WaitFor(command_); }

 private:
  static Awaitable<absl::StatusOr<int>> WaitFor(std::shared_ptr<Command> command) {
    while (!command->result.has_value() && !command->killed) {
      co_await command->ended.Wait();
    }
    co_return command->result.has_value() ? *command->result : absl::CancelledError("gone");
  }
  std::shared_ptr<Command> command_;
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(asio::io_context& loop) : loop_(loop) {}

  Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Exec(ExecRequest request) override {
    StdioRequest stdio = request;
    return Attach(std::move(stdio));
  }
  Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Attach(StdioRequest request) override {
    command = std::make_shared<Command>(loop_.get_executor());
    auto process = std::make_unique<FakeProcess>(command);
    if (request.input) {
      std::tie(command->input, process->input) = Pipe();
    }
    if (request.output) {
      std::tie(process->output, command->output) = Pipe();
    }
    if (request.error) {
      std::tie(process->error, command->error) = Pipe();
    }
    co_return process;
  }
  Awaitable<absl::StatusOr<base::UniqueFd>> Connect(spec::PodId, uint16_t port) override {
    if (port == 81) {
      co_return absl::UnavailableError("connection refused");
    }
    auto [ours, theirs] = SocketPair();
    servers[port].push_back(std::move(theirs));
    co_return std::move(ours);
  }

  std::shared_ptr<Command> command;
  std::map<uint16_t, std::vector<base::UniqueFd>> servers;

 private:
  asio::io_context& loop_;
};

class SpdyServing : public ::testing::Test {
 protected:
  void Serve(Request request, std::string protocol) {
    auto [ours, theirs] = SocketPair();
    socket_ = std::move(theirs);
    Send();
    SpdyUpgrade upgrade{environment_, ending_, std::make_unique<SocketTransport>(loop_, std::move(ours)),
                        std::move(protocol), std::move(request)};
    asio::co_spawn(loop_, ServeSpdy(std::move(upgrade)), [this](std::exception_ptr error) {
      EXPECT_EQ(error, nullptr);
      served_ = true;
    });
  }
  void ServeExec(bool tty = false, std::string protocol = "v4.channel.k8s.io") {
    ExecRequest request;
    request.tty = tty;
    request.input = request.output = true;
    request.error = !tty;
    Serve(std::move(request), std::move(protocol));
  }
  void ServePorts(std::vector<uint16_t> ports = {}) {
    Serve(PortForwardRequest{.ports = std::move(ports)}, "portforward.k8s.io");
  }

  // Lets both sides do what they can.
  virtual void Turn() {
    loop_.restart();
    loop_.run_for(std::chrono::milliseconds(1));
    Send();
    char buffer[64 << 10];
    const ssize_t size = reading_ ? ::recv(socket_.get(), buffer, sizeof(buffer), 0) : -1;
    hung_up_ = hung_up_ || size == 0;
    std::string_view input(buffer, size < 0 ? 0 : static_cast<size_t>(size));
    while (const auto event = client_.Next(&input)) {
      Note(*event);
    }
  }
  void Send() {
    const std::string_view output = client_.Output();
    if (!output.empty()) {
      const ssize_t sent = ::send(socket_.get(), output.data(), output.size(), MSG_NOSIGNAL);
      client_.Sent(sent < 0 ? 0 : static_cast<size_t>(sent));
    }
  }
  void Note(const spdy::Event& event) {
    if (event.kind == Kind::kData) {
      got_[event.stream] += event.data;
      client_.Consumed(event.stream, event.data.size());
    } else if (event.kind == Kind::kReply) {
      replied_.push_back(event.stream);
    } else if (event.kind == Kind::kReset) {
      resets_[event.stream] = event.status;
    } else if (event.kind == Kind::kGoAway) {
      goaway_ = true;
    }
    if (event.end) {
      ended_.push_back(event.stream);
    }
  }
  template <typename Predicate>
  bool WaitUntil(Predicate done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      Turn();
    }
    return true;
  }
  bool HasEnded(spdy::StreamId stream) const { return std::ranges::find(ended_, stream) != ended_.end(); }
  bool HasReply(spdy::StreamId stream) const { return std::ranges::find(replied_, stream) != replied_.end(); }

  spdy::StreamId Open(const std::string& type) { return client_.Open({{"streamtype", type}}); }
  void OpenAll(bool tty = false) {
    status_ = Open("error");
    stdin_ = Open("stdin");
    stdout_ = Open("stdout");
    (tty ? resize_ : stderr_) = Open(tty ? "resize" : "stderr");
    ASSERT_TRUE(WaitUntil([&] { return backend_.command != nullptr && replied_.size() >= 4; }));
    EXPECT_THAT(replied_, ::testing::ElementsAre(1, 3, 5, 7));
  }

  // What can be read from a descriptor now; notes its end.
  std::string ReadFrom(const base::UniqueFd& fd) {
    std::string all;
    char buffer[16 << 10];
    ssize_t size = 0;
    while ((size = ::read(fd.get(), buffer, sizeof(buffer))) > 0) {
      all.append(buffer, static_cast<size_t>(size));
    }
    end_of_file_ = size == 0;
    return all;
  }

  asio::io_context loop_;
  FakeBackend backend_{loop_};
  Limits limits_;
  Environment environment_{backend_, limits_};
  Ending ending_;
  base::UniqueFd socket_;
  spdy::Connection client_{spdy::Role::kClient, spdy::Limits{.max_output = 1 << 20}};
  bool reading_ = true;
  bool served_ = false;
  bool hung_up_ = false;
  bool goaway_ = false;
  bool end_of_file_ = false;
  std::map<spdy::StreamId, std::string> got_;
  std::map<spdy::StreamId, uint32_t> resets_;
  std::vector<spdy::StreamId> replied_;
  std::vector<spdy::StreamId> ended_;
  spdy::StreamId status_ = 0;
  spdy::StreamId stdin_ = 0;
  spdy::StreamId stdout_ = 0;
  spdy::StreamId stderr_ = 0;
  spdy::StreamId resize_ = 0;
};

}  // namespace rktlet::streaming::serving
