// SPDX-License-Identifier: Apache-2.0
// A streaming server on a loop, a fake backend behind it, and clients of Boost.Beast before it, all in one thread. At
// the end of each test no client, no descriptor and no buffered byte is left.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status_matchers.h"
#include "rktlet/engine/test_loop.h"
#include "rktlet/streaming/fake_backend.h"
#include "rktlet/streaming/server.h"

namespace rktlet::streaming {

struct Message {
  int channel = -1;  // -1: none came, the connection is closed
  std::string data;
  int close_code = 0;
};

// Blocking in form: each call runs the loop until it is done.
class TestClient {
 public:
  explicit TestClient(engine::TestLoop& loop);
  ~TestClient();

  // The HTTP status of the answer; 101 when there is a WebSocket. An empty protocol is not named.
  int Connect(const std::string& url, const std::string& protocol);
  const std::string& protocol() const { return protocol_; }  // as the server named it

  bool Send(uint8_t channel, std::string_view data);
  bool SendRaw(std::string_view message);
  // Half-close of protocol version 5.
  bool SendClose(uint8_t channel) { return SendRaw(std::string{'\xff', static_cast<char>(channel)}); }
  // The next message; those of base64 protocols are decoded.
  Message Receive();
  // The messages until the connection is closed, those of one channel joined. close_code: of the end.
  std::vector<std::string> ReceiveAll(int* close_code = nullptr);
  // The closing handshake / the end without a word.
  void Close();
  void Drop();
  // Lets the kernel keep little for a client that does not read.
  void Shrink();

 private:
  bool base64() const { return protocol_.find("base64") != std::string::npos; }

  struct Parts;  // keeps Beast out of the tests

  engine::TestLoop& loop_;
  std::unique_ptr<Parts> parts_;
  std::string protocol_;
};

class StreamingTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void StartServer(Server::Options options);
  void StopServer(std::chrono::nanoseconds grace = std::chrono::nanoseconds(0));
  // Another one, with other options or limits.
  void RestartServer(Server::Options options);
  static Request Exec(bool input, bool output, bool error, bool tty = false);
  static Request Attach(bool input, bool output, bool error, bool tty = false);
  std::string Url(Request request);
  std::unique_ptr<TestClient> Client() { return std::make_unique<TestClient>(loop_); }
  // A client with a stream, and its process.
  std::unique_ptr<TestClient> Open(Request request, const std::string& protocol);
  FakeProcess& process(size_t index = 0) { return *backend_.processes.at(index); }
  bool Eventually(const std::function<bool()>& predicate) { return loop_.RunUntil(predicate); }
  // What the server answers to these bytes, until it closes.
  std::string Exchange(const std::string& bytes);

  // The loop is last to go: what is left of coroutines goes with it.
  size_t descriptors_ = 0;
  engine::TestLoop loop_;
  FakeBackend backend_{loop_.context().get_executor()};
  Limits limits_;
  std::unique_ptr<Server> server_;
};

}  // namespace rktlet::streaming
