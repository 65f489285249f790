// SPDX-License-Identifier: Apache-2.0
#include "unit/supervisor_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rktlet::unit {
namespace {

using base::IsOk;
using base::StatusIs;
using std::chrono::milliseconds;
using testing::HasSubstr;

namespace protocol = spec::supervisor;

// Answers one request with `reply`, or not at all when it is empty.
class OneShotSupervisor {
 public:
  OneShotSupervisor(const std::string& path, std::string reply) : reply_(std::move(reply)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    listener_ = base::UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneShotSupervisor() { thread_.join(); }

  std::string request;

 private:
  void Serve() {
    const base::UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char buffer[4096];
    const ssize_t size = ::recv(peer.get(), buffer, sizeof(buffer), 0);
    request.assign(buffer, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (!reply_.empty()) {
      ::send(peer.get(), reply_.data(), reply_.size(), MSG_NOSIGNAL);
    } else {
      ::recv(peer.get(), buffer, sizeof(buffer), 0);  // until the client gives up
    }
  }

  std::string reply_;
  base::UniqueFd listener_;
  std::thread thread_;
};

std::string Reply(int error, uint64_t value, const std::string& text) {
  const protocol::ReplyHeader header{protocol::kMagic, error, value};
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + text + std::string(1, '\0');
}

absl::StatusOr<SupervisorReply> CallAsync(const std::string& path, milliseconds timeout) {
  boost::asio::io_context loop;
  absl::StatusOr<SupervisorReply> result;
  const auto call = [&]() -> boost::asio::awaitable<void> {
    std::vector<std::string> strings = {"web"};
    result = co_await AsyncCallSupervisor(path, protocol::kOomSeen, 0, strings, timeout);
  };
  boost::asio::co_spawn(loop, call, boost::asio::detached);
  loop.run();
  return result;
}

TEST(SupervisorClient, SendsTheStringsAndReadsTheReply) {
  const base::TempDir dir;
  OneShotSupervisor supervisor(dir.File("s"), Reply(0, 42, "text"));
  ASSERT_OK_AND_ASSIGN(const SupervisorReply reply, CallSupervisor(dir.File("s"), protocol::kOomSeen, 0, {"web", ""}));
  EXPECT_EQ(reply.value, 42U);
  EXPECT_EQ(reply.text, "text");
  EXPECT_EQ(supervisor.request.substr(sizeof(protocol::RequestHeader)), std::string("web\0\0", 5));
}

TEST(SupervisorClient, AnErrorIsAStatusWithItsText) {
  const base::TempDir dir;
  const OneShotSupervisor supervisor(dir.File("s"), Reply(ENOENT, 0, "app web"));
  EXPECT_THAT(CallAsync(dir.File("s"), milliseconds(5000)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("app web")));
}

TEST(SupervisorClient, OneThatIsGoneIsUnavailable) {
  const base::TempDir dir;
  EXPECT_THAT(CallSupervisor(dir.File("s"), protocol::kPing, 0, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("supervisor is gone")));
  EXPECT_THAT(CallAsync(dir.File("s"), milliseconds(5000)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("supervisor is gone")));
}

TEST(SupervisorClient, OneThatDoesNotAnswerIsNotWaitedForForEver) {
  const base::TempDir dir;
  {
    const OneShotSupervisor supervisor(dir.File("a"), "");
    EXPECT_THAT(CallAsync(dir.File("a"), milliseconds(20)),
                StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("does not answer")));
  }
  const OneShotSupervisor supervisor(dir.File("b"), "");
  EXPECT_THAT(CallSupervisor(dir.File("b"), protocol::kPing, 0, {}, milliseconds(20)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("does not answer")));
}

// One with a full queue: connections that nobody has accepted yet.
class BusySupervisor {
 public:
  explicit BusySupervisor(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    listener_ = base::UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    while (true) {
      base::UniqueFd one(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (::connect(one.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        EXPECT_EQ(errno, EAGAIN);
        break;
      }
      waiting_.push_back(std::move(one));
    }
  }

  // Lets those go that came first, and answers the next one.
  void Serve(const std::string& reply) {
    for (size_t i = 0; i < waiting_.size(); ++i) {
      const base::UniqueFd first(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    const base::UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char buffer[4096];
    ::recv(peer.get(), buffer, sizeof(buffer), 0);
    ::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
  }

 private:
  base::UniqueFd listener_;
  std::vector<base::UniqueFd> waiting_;
};

TEST(SupervisorClient, OneWhoseQueueIsFullIsWaitedFor) {
  const base::TempDir dir;
  BusySupervisor supervisor(dir.File("s"));
  EXPECT_THAT(CallAsync(dir.File("s"), milliseconds(30)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("does not answer")));
  EXPECT_THAT(CallSupervisor(dir.File("s"), protocol::kPing, 0, {}, milliseconds(30)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("does not answer")));
  std::thread server([&] { supervisor.Serve(Reply(0, 42, "at last")); });
  const auto reply = CallAsync(dir.File("s"), milliseconds(20000));
  server.join();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->text, "at last");
}

}  // namespace
}  // namespace rktlet::unit
