// SPDX-License-Identifier: Apache-2.0
// A hostile client of the streaming server, from its first byte to its last, against the fake backend: whatever it
// sends, its conversation ends, nothing of it is left, and the server's loop does not stand still.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "fuzz_input.h"
#include "rktlet/streaming/core.h"
#include "rktlet/streaming/fake_backend.h"

namespace rktlet::fuzz {

class StreamClient {
 public:
  StreamClient();
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  streaming::Limits& limits() { return limits_; }
  streaming::FakeBackend& backend() { return backend_; }

  // Tokens of requests that are waiting.
  std::string ExecToken(bool tty);
  std::string AttachToken(bool tty);
  std::string PortForwardToken();

  // Sends `bytes` in pieces of this size, while commands answer with what they read.
  void Send(std::string_view bytes, size_t piece);
  // Commands end well.
  void EndCommands();
  // Hangs up. The conversation has ended when it returns, or the program is aborted.
  void Finish();

  // What the server has sent.
  const std::string& answer() const { return answer_; }

 private:
  std::string Token(streaming::Request request);
  bool Turn();
  bool Echo();
  bool ReadAnswer();

  boost::asio::io_context loop_;
  streaming::Limits limits_;
  streaming::FakeBackend backend_{loop_.get_executor()};
  streaming::Core core_;
  base::UniqueFd socket_;
  std::string answer_;
};

}  // namespace rktlet::fuzz
