// SPDX-License-Identifier: Apache-2.0
// Against scripts in place of rkt, a supervisor of few words, and sockets of our own network namespace.
#include "rktlet/engine/stream_backend.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "rktlet/engine/exec_stream.h"
#include "rktlet/engine/test_loop.h"
#include "spec/supervisor_protocol.h"

namespace rktlet::engine {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using base::StrCat;
using base::UniqueFd;
using testing::ElementsAre;
using testing::HasSubstr;

namespace protocol = spec::supervisor;

void SendWithDescriptors(int socket, const std::string& data, const std::vector<int>& fds) {
  std::string text = data;
  iovec part{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  }
  ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

// In place of rkt with --tty, this very program hands a terminal over and becomes a shell that has it.
const bool terminal_double = [] {
  const char* script = std::getenv("TERMINAL_DOUBLE");
  if (script == nullptr) {
    return false;
  }
  int master = -1;
  int slave = -1;
  if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) {
    ::_exit(125);
  }
  SendWithDescriptors(4, "t", {master});
  ::close(master);
  ::close(4);
  ::ioctl(slave, TIOCSCTTY, 0);
  for (int fd = 0; fd < 3; ++fd) {
    ::dup2(slave, fd);
  }
  ::execl("/bin/sh", "sh", "-c", script, nullptr);
  ::_exit(126);
}();

class Streams : public testing::Test {
 protected:
  Streams() : layout_(dir_.File("lib"), dir_.File("run")), backend_(dir_.File("rkt"), "/helper", layout_) {
    request_.pod = *spec::PodId::Parse(std::string(64, 'a'));
    request_.app = *spec::AppName::Parse("web");
    request_.input = request_.output = request_.error = true;
  }

  // rkt's arguments come before `--`, the command's after it.
  void Script(const std::string& body) {
    const std::string text = StrCat("#!/bin/sh\nprintf '%s\\n' \"$@\" >", dir_.File("args"),
                                    "\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n", body, "\n");
    ASSERT_THAT(base::WriteFileAtomic(dir_.File("rkt"), text, 0700), IsOk());
  }

  // All that comes until the end. Our ends never block.
  std::string ReadToEnd(const UniqueFd& fd) {
    std::string text;
    while (true) {
      pollfd poll_fd{.fd = fd.get(), .events = POLLIN, .revents = 0};
      if (::poll(&poll_fd, 1, 20000) != 1) {
        return text + "(no end)";
      }
      std::array<char, 4096> data{};
      const ssize_t count = ::read(fd.get(), data.data(), data.size());
      if (count <= 0) {
        return text;
      }
      text.append(data.data(), static_cast<size_t>(count));
    }
  }

  base::TempDir dir_;
  TestLoop loop_;
  spec::Layout layout_;
  StreamBackend backend_;
  streaming::ExecRequest request_;
};

TEST_F(Streams, ACommandHasThreePipesAndAnExitCode) {
  Script("exec \"$@\"");
  request_.command = {"sh", "-c", "cat; echo trouble >&2; exit 7"};
  ASSERT_OK_AND_ASSIGN(auto process, loop_.Await(backend_.Exec(request_)));
  EXPECT_THAT(base::WriteAll(process->input.get(), "to and fro"), IsOk());
  process->input.Reset();
  EXPECT_EQ(ReadToEnd(process->output), "to and fro");
  EXPECT_EQ(ReadToEnd(process->error), "trouble\n");
  EXPECT_THAT(loop_.Await(process->Wait()), IsOkAndHolds(7));
  EXPECT_THAT(process->Resize(80, 25), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no terminal")));
  EXPECT_THAT(base::ReadFile(dir_.File("args")).value_or(""),
              HasSubstr(StrCat("app\nexec\n--app=web\n--report-fd=3\n", std::string(64, 'a'), "\n--\nsh\n-c\n")));
  EXPECT_EQ(RunningExecStreams(), 0U);
}

TEST_F(Streams, OnlyTheWantedPipesAreThere) {
  Script("exec \"$@\"");
  request_.command = {"sh", "-c", "cat; echo out; echo err >&2"};
  request_.input = request_.error = false;
  ASSERT_OK_AND_ASSIGN(auto process, loop_.Await(backend_.Exec(request_)));
  EXPECT_FALSE(process->input.valid());
  EXPECT_FALSE(process->error.valid());
  EXPECT_EQ(ReadToEnd(process->output), "out\n");
  EXPECT_THAT(loop_.Await(process->Wait()), IsOkAndHolds(0));
}

TEST_F(Streams, WhyACommandWasNotRunIsAStatus) {
  request_.command = {"x"};
  const std::pair<const char*, absl::StatusCode> reports[] = {{"127", absl::StatusCode::kNotFound},
                                                              {"126", absl::StatusCode::kPermissionDenied},
                                                              {"125", absl::StatusCode::kInternal}};
  for (const auto& [code, expected] : reports) {
    Script(StrCat("echo '", code, " the very reason' >&3; exit ", code));
    ASSERT_OK_AND_ASSIGN(auto process, loop_.Await(backend_.Exec(request_)));
    EXPECT_THAT(loop_.Await(process->Wait()), StatusIs(expected, HasSubstr("exec: the very reason")));
  }
  Script("exit 127");
  ASSERT_OK_AND_ASSIGN(auto process, loop_.Await(backend_.Exec(request_)));
  EXPECT_THAT(loop_.Await(process->Wait()), IsOkAndHolds(127)) << "the command's own";
}

TEST_F(Streams, AnAbandonedCommandIsToldToEndAndReaped) {
  Script(StrCat("trap 'echo told >", dir_.File("told"), "; exit 0' TERM; echo ready; while :; do sleep 0.01; done"));
  request_.command = {"x"};
  ASSERT_OK_AND_ASSIGN(auto process, loop_.Await(backend_.Exec(request_)));
  pollfd ready{.fd = process->output.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ready, 1, 20000), 1);
  process.reset();
  EXPECT_TRUE(loop_.RunUntil([] { return RunningExecStreams() == 0; }));
  EXPECT_TRUE(base::Exists(dir_.File("told")));
}

TEST_F(Streams, ACommandThatDoesNotListenIsKilled) {
  Script("trap '' TERM; echo ready; while :; do sleep 0.01; done");
  request_.command = {"x"};
  ASSERT_OK_AND_ASSIGN(auto process, loop_.Await(backend_.Exec(request_)));
  pollfd ready{.fd = process->output.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ready, 1, 20000), 1);
  process.reset();
  EXPECT_TRUE(loop_.RunUntil([] { return RunningExecStreams() == 0; }));
}

TEST_F(Streams, ATerminalIsHandedOver) {
  StreamBackend backend("/proc/self/exe", "/helper", layout_);
  ::setenv("TERMINAL_DOUBLE", "trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.01; done", 1);
  request_.tty = true;
  request_.error = false;
  request_.command = {"x"};
  auto started = loop_.Await(backend.Exec(request_));
  ::unsetenv("TERMINAL_DOUBLE");
  ASSERT_OK_AND_ASSIGN(auto process, std::move(started));
  EXPECT_TRUE(process->input.valid());
  EXPECT_FALSE(process->error.valid());
  std::array<char, 64> data{};
  pollfd ready{.fd = process->output.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ready, 1, 20000), 1);
  ASSERT_EQ(::read(process->output.get(), data.data(), data.size()), 7);
  EXPECT_THAT(process->Resize(123, 45), IsOk());
  EXPECT_THAT(ReadToEnd(process->output), "45 123\r\n");
  EXPECT_THAT(loop_.Await(process->Wait()), IsOkAndHolds(5));
}

TEST_F(Streams, ATerminalsFirstSizeIsToldToRkt) {
  Script("exit 127");
  request_.tty = true;
  request_.size = streaming::TerminalSize{77, 33};
  request_.command = {"x"};
  EXPECT_FALSE(loop_.Await(backend_.Exec(request_)).ok());
  EXPECT_THAT(base::ReadFile(dir_.File("args")), IsOkAndHolds(HasSubstr("--console-size=77x33\n")));
}

TEST_F(Streams, ATerminalThatDoesNotComeIsAnErrorAtOnce) {
  Script("echo '127 no such command' >&3; exit 127");
  request_.tty = true;
  request_.command = {"x"};
  EXPECT_THAT(loop_.Await(backend_.Exec(request_)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such command")));
}

class Attach : public Streams {
 protected:
  Attach() {
    EXPECT_THAT(base::MakeDirectories(layout_.RunPod(request_.pod)), IsOk());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // The temporary directory may be deep: the path has to fit.
    const std::string path = layout_.SupervisorSocket(request_.pod);
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (path.size() < sizeof(address.sun_path)) {
      std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
      EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
      EXPECT_EQ(::listen(listener_.get(), 1), 0);
      fits_ = true;
    }
  }

  void SetUp() override { ASSERT_TRUE(fits_) << "the temporary directory's path is too long for a socket"; }

  // Takes one request and answers it; the connection.
  std::thread Answer(int error, uint64_t value, std::vector<int> fds, std::string text = "") {
    return std::thread([this, error, value, fds = std::move(fds), text = std::move(text)] {
      connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::array<char, 512> packet{};
      const ssize_t size = ::recv(connection_.get(), packet.data(), packet.size(), 0);
      asked_.assign(packet.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)));
      Say(error, value, fds, text);
    });
  }

  void Say(int error, uint64_t value, const std::vector<int>& fds, const std::string& text) {
    const protocol::ReplyHeader header{protocol::kMagic, error, value};
    std::string data(reinterpret_cast<const char*>(&header), sizeof(header));
    data.append(text.c_str(), text.size() + 1);
    SendWithDescriptors(connection_.get(), data, fds);
  }

  // A duplicate of the engine's end of the connection.
  int OurEnd() const {
    sockaddr_un mine{};
    socklen_t size = sizeof(mine);
    EXPECT_EQ(::getsockname(connection_.get(), reinterpret_cast<sockaddr*>(&mine), &size), 0);
    for (int fd = 3; fd < 1024; ++fd) {
      sockaddr_un peer{};
      size = sizeof(peer);
      if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sun_family == AF_UNIX &&
          std::strcmp(peer.sun_path, mine.sun_path) == 0) {
        return ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
      }
    }
    ADD_FAILURE() << "the connection is not there";
    return -1;
  }

  UniqueFd listener_;
  UniqueFd connection_;
  std::string asked_;
  bool fits_ = false;
};

TEST_F(Attach, GivesTheSupervisorsDescriptorsUntilTheContainerEnds) {
  ASSERT_OK_AND_ASSIGN(auto in, base::MakePipe());
  ASSERT_OK_AND_ASSIGN(auto out, base::MakePipe());
  std::thread supervisor = Answer(0, protocol::kStdin | protocol::kStdout, {in.second.get(), out.first.get()});
  request_.error = false;
  auto attached = loop_.Await(backend_.Attach(request_));
  supervisor.join();
  ASSERT_OK_AND_ASSIGN(auto process, std::move(attached));
  protocol::RequestHeader header{};
  std::memcpy(&header, asked_.data(), sizeof(header));
  EXPECT_EQ(header.operation, protocol::kAttach);
  EXPECT_EQ(header.flags, protocol::kTty | protocol::kStdin | protocol::kStdout);
  EXPECT_EQ(::write(process->input.get(), "in", 2), 2);
  std::array<char, 8> data{};
  EXPECT_EQ(::read(in.first.get(), data.data(), data.size()), 2);
  EXPECT_EQ(::write(out.second.get(), "out", 3), 3);
  EXPECT_EQ(::read(process->output.get(), data.data(), data.size()), 3);
  EXPECT_THAT(process->Resize(1, 1), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no terminal")));
  Say(0, 0, {}, "");
  EXPECT_THAT(loop_.Await(process->Wait()), IsOkAndHolds(0));
}

TEST_F(Attach, SaysWhyItEndedEarly) {
  std::thread supervisor = Answer(0, 0, {});
  auto attached = loop_.Await(backend_.Attach(request_));
  supervisor.join();
  ASSERT_OK_AND_ASSIGN(auto process, std::move(attached));
  Say(ETIMEDOUT, 0, {}, "did not read");
  EXPECT_THAT(loop_.Await(process->Wait()), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("did not read")));
}

TEST_F(Attach, AWakeUpWithoutAPacketIsNotTheEnd) {
  std::thread supervisor = Answer(0, 0, {});
  auto attached = loop_.Await(backend_.Attach(request_));
  supervisor.join();
  ASSERT_OK_AND_ASSIGN(auto process, std::move(attached));
  // Whoever began to watch last is woken first: this one takes the packet of which the other is told, too.
  boost::asio::posix::stream_descriptor thief(loop_.context(), OurEnd());
  std::array<char, 64> stolen{};
  thief.async_wait(boost::asio::posix::stream_descriptor::wait_read, [&](boost::system::error_code) {
    EXPECT_GT(::recv(thief.native_handle(), stolen.data(), stolen.size(), MSG_DONTWAIT), 0);
    boost::asio::post(loop_.context(), [&] { Say(ETIMEDOUT, 0, {}, "the real one"); });
  });
  std::optional<absl::StatusOr<int>> ended;
  boost::asio::co_spawn(loop_.context(), process->Wait(),
                        [&](std::exception_ptr, const absl::StatusOr<int>& result) { ended = result; });
  boost::asio::post(loop_.context(), [&] { Say(0, 0, {}, ""); });
  ASSERT_TRUE(loop_.RunUntil([&] { return ended.has_value(); }));
  EXPECT_THAT(*ended, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("the real one")));
}

TEST_F(Attach, DetachesWhenNobodyWantsItAnyMore) {
  std::thread supervisor = Answer(0, 0, {});
  auto attached = loop_.Await(backend_.Attach(request_));
  supervisor.join();
  ASSERT_THAT(attached, IsOk());
  attached->reset();
  char byte = 0;
  EXPECT_EQ(::recv(connection_.get(), &byte, 1, 0), 0);
}

TEST_F(Attach, AContainerThatDoesNotRunIsRefused) {
  for (const int error : {ENOENT, ESHUTDOWN, EINVAL}) {
    std::thread supervisor = Answer(error, 0, {}, "no");
    const auto attached = loop_.Await(backend_.Attach(request_));
    supervisor.join();
    EXPECT_THAT(attached, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("attach"))) << error;
  }
  listener_.Reset();
  EXPECT_THAT(loop_.Await(backend_.Attach(request_)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("supervisor")));
}

class PodSockets : public Streams {
 protected:
  void WritePod(spec::NamespaceMode network) {
    spec::PodRecord record;
    record.spec.id = request_.pod;
    record.spec.name = "web";
    record.spec.network = network;
    record.unit = "web.service";
    ASSERT_THAT(base::MakeDirectories(layout_.Pod(request_.pod)), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(layout_.PodFile(request_.pod, spec::kPodFile), spec::ToJson(record)), IsOk());
  }

  // A listener at a port that was free, and its number; 0: no such family here.
  static uint16_t Listen(int family, UniqueFd& listener) {
    listener = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
    } else {
      reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return 0;
    }
    return ntohs(family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                    : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  }
};

TEST_F(PodSockets, AreOfTheNodeWithHostNetwork) {
  WritePod(spec::NamespaceMode::kNode);
  for (const int family : {AF_INET, AF_INET6}) {
    UniqueFd listener;
    const uint16_t port = Listen(family, listener);
    if (port == 0) {
      continue;  // no IPv6 here
    }
    ASSERT_OK_AND_ASSIGN(const UniqueFd socket, loop_.Await(backend_.Connect(request_.pod, port)));
    const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(accepted.valid());
    EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST_F(PodSockets, AreRefusedWhereNothingListens) {
  WritePod(spec::NamespaceMode::kNode);
  UniqueFd listener;
  const uint16_t port = Listen(AF_INET, listener);
  listener.Reset();
  EXPECT_THAT(loop_.Await(backend_.Connect(request_.pod, port)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(StrCat("port ", port))));
}

TEST_F(PodSockets, NeedThePodsNetwork) {
  EXPECT_THAT(loop_.Await(backend_.Connect(request_.pod, 80)), StatusIs(absl::StatusCode::kNotFound, HasSubstr("pod")));
  WritePod(spec::NamespaceMode::kPod);
  EXPECT_THAT(loop_.Await(backend_.Connect(request_.pod, 80)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no network")));
}

}  // namespace
}  // namespace rktlet::engine
