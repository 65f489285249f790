// SPDX-License-Identifier: Apache-2.0
#include "stream_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "rktlet/streaming/spdy_serve.h"

namespace rktlet::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using streaming::FakeProcess;

// Of the answers. A server that answers more than this to the few bytes it gets is out of bounds.
constexpr size_t kMaxAnswer = 16 << 20;
constexpr size_t kMaxEcho = 64 << 10;
constexpr size_t kMaxPieces = 100;
constexpr std::chrono::seconds kEnd(20);

streaming::StdioRequest Stdio(bool tty) {
  streaming::StdioRequest request;
  request.pod = *spec::PodId::Parse(std::string(64, 'a'));
  request.app = *spec::AppName::Parse(std::string(64, 'b'));
  request.tty = tty;
  request.input = true;
  request.output = true;
  request.error = !tty;
  return request;
}

}  // namespace

StreamClient::StreamClient() : core_(loop_.get_executor(), backend_, limits_) {
  std::signal(SIGPIPE, SIG_IGN);
  limits_.handshake_time = milliseconds(20);
  limits_.size_time = milliseconds(1);
  limits_.drain_time = milliseconds(1);
  limits_.finish_time = milliseconds(20);
  limits_.exec_buffer = 64 << 10;
  limits_.attach_buffer = 64 << 10;
  limits_.attach_stall = milliseconds(5);
  limits_.forwards = 8;
  core_.spdy = streaming::ServeSpdy;
  std::array<int, 2> ends{};
  Check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0, "socketpair");
  socket_ = base::UniqueFd(ends[0]);
  streaming::SocketStream::Socket socket(loop_);
  socket.assign(boost::asio::generic::stream_protocol(AF_UNIX, 0), ends[1]);
  core_.clients.push_back(streaming::Client{streaming::SocketStream(std::move(socket))});
  core_.tasks.Spawn(streaming::ServeClient(core_, core_.clients.back()));
}

StreamClient::~StreamClient() = default;

std::string StreamClient::Token(streaming::Request request) {
  auto token = core_.tokens.Insert(std::move(request));
  Check(token.ok(), "a token");
  return *token;
}

std::string StreamClient::ExecToken(bool tty) {
  streaming::ExecRequest request{Stdio(tty), {"sh"}};
  return Token(std::move(request));
}

std::string StreamClient::AttachToken(bool tty) { return Token(streaming::AttachRequest{Stdio(tty)}); }

std::string StreamClient::PortForwardToken() {
  return Token(streaming::PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), {}});
}

void StreamClient::Send(std::string_view bytes, size_t piece) {
  piece = std::max(piece, bytes.size() / kMaxPieces);
  int silence = 0;
  while (!bytes.empty() && silence < 3) {
    const std::string_view next = bytes.substr(0, piece);
    const ssize_t sent = ::send(socket_.get(), next.data(), next.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      break;
    }
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(sent, 0)));
    // One that is no longer read waits for nobody.
    silence = Turn() || sent > 0 ? 0 : silence + 1;
  }
  while (Turn()) {
  }
}

void StreamClient::EndCommands() {
  for (const auto& process : backend_.processes) {
    process->Exit(0);
  }
  while (Turn()) {
  }
}

void StreamClient::Finish() {
  socket_.Reset();
  backend_.connections.clear();
  const auto deadline = steady_clock::now() + kEnd;
  while (core_.tasks.size() > 0) {
    Check(steady_clock::now() < deadline, "the conversation ends");
    loop_.restart();
    loop_.run_one_for(milliseconds(1));
  }
  Check(core_.environment.usage.buffered == 0, "no byte is left");
  for (const auto& process : backend_.processes) {
    Check(process->destroyed, "no command is left");
  }
  loop_.restart();
  loop_.poll();
}

// What can be done without waiting. False: nothing was.
bool StreamClient::Turn() {
  loop_.restart();
  const bool ran = loop_.poll() > 0;
  const bool echoed = Echo();
  return ReadAnswer() || echoed || ran;
}

bool StreamClient::Echo() {
  bool moved = false;
  std::array<char, kMaxEcho> buffer;
  const auto copy = [&](const base::UniqueFd& from, const base::UniqueFd& to) {
    const ssize_t size = from.valid() ? ::read(from.get(), buffer.data(), buffer.size()) : -1;
    if (size > 0) {
      moved = true;
      FakeProcess::WriteSome(to, {buffer.data(), static_cast<size_t>(size)});
    }
  };
  for (const auto& process : backend_.processes) {
    copy(process->input, process->output);
  }
  for (const auto& [port, socket] : backend_.connections) {
    copy(socket, socket);
  }
  return moved;
}

bool StreamClient::ReadAnswer() {
  std::array<char, 16 << 10> buffer;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    return false;
  }
  answer_.append(buffer.data(), static_cast<size_t>(size));
  Check(answer_.size() < kMaxAnswer, "answers have a bound");
  return true;
}

}  // namespace rktlet::fuzz
