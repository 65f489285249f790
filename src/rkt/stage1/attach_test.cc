// SPDX-License-Identifier: Apache-2.0
// Attached clients of the real supervisor: output to all of them and the log, input, terminals, clients that stall.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/stage1/supervisor_harness.h"

namespace rkt::stage1 {
namespace {

namespace base = rktlet::base;
namespace supervisor = rktlet::spec::supervisor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr uint32_t kBoth = supervisor::kStdout | supervisor::kStderr;
constexpr size_t kLimit = size_t{64} << 20;

// Exactly `size` bytes of what comes.
std::string Take(const base::UniqueFd& fd, size_t size) {
  std::string text(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t count = ::read(fd.get(), text.data() + have, size - have);
    if (count <= 0) {
      break;
    }
    have += static_cast<size_t>(count);
  }
  text.resize(have);
  return text;
}

std::string TakeAll(const base::UniqueFd& fd) { return base::ReadAll(fd.get(), kLimit).value_or("(error)"); }

bool Readable(const base::UniqueFd& fd) {
  pollfd poll_fd{fd.get(), POLLIN, 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

// The last packet of an attachment, and the end of its connection.
HarnessReply LastReply(const SupervisorHarness::Attachment& attachment) {
  HarnessReply last = SupervisorHarness::NextReply(attachment.connection);
  EXPECT_EQ(SupervisorHarness::NextReply(attachment.connection).error, -1);
  return last;
}

class Attach : public testing::Test {
 protected:
  std::vector<base::UniqueFd> OpenApp(uint32_t flags = 0) {
    HarnessReply reply = harness_.Call(supervisor::kStdio, {"app", harness_.MakeContainer("container"), log_}, flags);
    EXPECT_EQ(reply.error, 0) << reply.text;
    return std::move(reply.fds);
  }

  // A terminal that the supervisor has taken; the slave's descriptor.
  base::UniqueFd OpenTerminal(uint32_t flags) {
    HarnessReply reply =
        harness_.Call(supervisor::kStdio, {"app", harness_.MakeContainer("container"), log_}, supervisor::kTty | flags);
    EXPECT_EQ(reply.error, 0) << reply.text;
    EXPECT_EQ(harness_.Attach("app", kBoth).reply.error, EAGAIN);
    int master = -1;
    int slave = -1;
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    SendTerminal(reply.text, master);
    ::close(master);
    EXPECT_EQ(::write(slave, "ready\n", 6), 6);
    WaitForFile(log_, [](const std::string& log) { return log.ends_with("ready\r\n"); });
    return base::UniqueFd(slave);
  }

  static void Write(const base::UniqueFd& fd, const std::string& text) {
    EXPECT_THAT(base::WriteAll(fd.get(), text), base::IsOk());
  }

  SupervisorHarness harness_;
  std::string log_ = harness_.File("app.log");
};

TEST_F(Attach, GivesEveryClientAndTheLogEachByte) {
  auto fds = OpenApp();
  std::vector<SupervisorHarness::Attachment> clients;
  for (int index = 0; index < 20; ++index) {
    clients.push_back(harness_.Attach("app", kBoth));
    ASSERT_EQ(clients.back().reply.error, 0) << clients.back().reply.text;
    EXPECT_EQ(clients.back().reply.value, kBoth);
    ASSERT_THAT(clients.back().reply.fds, SizeIs(2));
  }
  Write(fds[1], "to stdout\n");
  Write(fds[2], "to stderr");
  fds.clear();
  for (const auto& client : clients) {
    EXPECT_EQ(TakeAll(client.reply.fds[0]), "to stdout\n");
    EXPECT_EQ(TakeAll(client.reply.fds[1]), "to stderr");
    EXPECT_EQ(LastReply(client).error, 0);
  }
  const std::string log = base::ReadFile(log_).value_or("");
  EXPECT_THAT(log, HasSubstr("stdout F to stdout\n"));
  EXPECT_THAT(log, HasSubstr("stderr P to stderr\n"));
}

TEST_F(Attach, GivesOnlyWhatIsWanted) {
  auto fds = OpenApp();
  auto client = harness_.Attach("app", supervisor::kStderr | supervisor::kStdin);
  EXPECT_EQ(client.reply.value, supervisor::kStderr) << "there is no stdin";
  ASSERT_THAT(client.reply.fds, SizeIs(1));
  Write(fds[1], "not for you\n");
  Write(fds[2], "for you\n");
  fds.clear();
  EXPECT_EQ(TakeAll(client.reply.fds[0]), "for you\n");
}

TEST_F(Attach, DeliversAllOfAFastContainerToAReaderThatKeepsReading) {
  auto fds = OpenApp();
  auto client = harness_.Attach("app", kBoth);
  std::string sent;
  for (int line = 0; line < 300000; ++line) {
    sent += "line number " + std::to_string(line) + "\n";
  }
  std::thread writer([&] {
    Write(fds[1], sent);
    fds.clear();
  });
  const std::string received = TakeAll(client.reply.fds[0]);
  writer.join();
  EXPECT_TRUE(received == sent) << received.size() << " of " << sent.size();
  EXPECT_EQ(LastReply(client).error, 0);
}

TEST_F(Attach, DropsAClientThatDoesNotReadAndKeepsTheOthers) {
  auto fds = OpenApp();
  auto stalled = harness_.Attach("app", kBoth);
  auto reader = harness_.Attach("app", kBoth);
  const std::string sent(size_t{8} << 20, 'x');
  std::thread writer([&] {
    Write(fds[1], sent);
    fds.clear();
  });
  EXPECT_EQ(TakeAll(reader.reply.fds[0]).size(), sent.size());
  writer.join();
  EXPECT_EQ(LastReply(reader).error, 0);
  const HarnessReply last = LastReply(stalled);
  EXPECT_EQ(last.error, ETIMEDOUT);
  EXPECT_THAT(last.text, HasSubstr("did not read"));
  EXPECT_GE(TakeAll(stalled.reply.fds[0]).size(), size_t{64} << 10) << "what it had got it may still read";
}

TEST_F(Attach, CarriesInputOfSeveralClientsAndStaysOpenAfterThem) {
  auto fds = OpenApp(supervisor::kStdin);
  {
    auto first = harness_.Attach("app", kBoth | supervisor::kStdin);
    ASSERT_EQ(first.reply.value, kBoth | supervisor::kStdin);
    ASSERT_THAT(first.reply.fds, SizeIs(3));
    Write(first.reply.fds[0], "one");
    EXPECT_EQ(Take(fds[0], 3), "one");
    auto second = harness_.Attach("app", supervisor::kStdin);
    Write(second.reply.fds[0], "two");
  }
  EXPECT_EQ(Take(fds[0], 3), "two") << "written before its client went away";
  auto third = harness_.Attach("app", supervisor::kStdin);
  EXPECT_FALSE(Readable(fds[0])) << "no end of file in between";
  Write(third.reply.fds[0], "three");
  EXPECT_EQ(Take(fds[0], 5), "three");
}

TEST_F(Attach, MovesALotOfInputAtTheContainersPace) {
  auto fds = OpenApp(supervisor::kStdin | supervisor::kStdinOnce);
  auto client = harness_.Attach("app", supervisor::kStdin);
  const std::string sent(size_t{16} << 20, 'i');
  std::thread writer([&] {
    Write(client.reply.fds[0], sent);
    client.reply.fds.clear();
  });
  EXPECT_EQ(TakeAll(fds[0]).size(), sent.size());
  writer.join();
}

TEST_F(Attach, EndsStdinOnceWithItsFirstClient) {
  auto fds = OpenApp(supervisor::kStdin | supervisor::kStdinOnce);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  Write(client.reply.fds[0], "all of it");
  client.reply.fds[0].Reset();
  EXPECT_EQ(TakeAll(fds[0]), "all of it");
  Write(fds[1], "still attached");
  EXPECT_EQ(Take(client.reply.fds[1], 14), "still attached");
  auto later = harness_.Attach("app", kBoth | supervisor::kStdin);
  EXPECT_EQ(later.reply.error, 0);
  EXPECT_EQ(later.reply.value, kBoth);
}

TEST_F(Attach, TellsClientsThatTheContainerDoesNotReadAnyMore) {
  auto fds = OpenApp(supervisor::kStdin);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  fds[0].Reset();
  Write(client.reply.fds[0], "x");
  pollfd broken{client.reply.fds[0].get(), 0, 0};
  EXPECT_EQ(::poll(&broken, 1, 20000), 1);
  EXPECT_NE(broken.revents & POLLERR, 0);
}

TEST_F(Attach, IsRefusedBeforeTheStartAndAfterTheEnd) {
  EXPECT_EQ(harness_.Attach("app", kBoth).reply.error, ENOENT);
  auto fds = OpenApp();
  EXPECT_EQ(harness_.Attach("app", kBoth).reply.error, 0);
  fds.clear();
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).value, 0U);
  const HarnessReply refused = harness_.Attach("app", kBoth).reply;
  EXPECT_EQ(refused.error, ESHUTDOWN);
  EXPECT_THAT(refused.text, HasSubstr("has ended"));
}

TEST_F(Attach, EndsWhenTheAppIsForgotten) {
  auto fds = OpenApp(supervisor::kStdin);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  Write(fds[1], "last words");
  EXPECT_EQ(harness_.Call(supervisor::kForget, {"app"}).error, 0);
  EXPECT_EQ(TakeAll(client.reply.fds[1]), "last words");
  EXPECT_EQ(LastReply(client).error, ECANCELED);
  EXPECT_EQ(TakeAll(fds[0]), "");
}

TEST_F(Attach, AForgottenAppsLogIsWholeWithAStalledClient) {
  auto fds = OpenApp();
  auto stalled = harness_.Attach("app", kBoth);
  Write(fds[1], std::string(size_t{2} << 20, 'x') + "\nend\n");
  EXPECT_EQ(harness_.Call(supervisor::kForget, {"app"}).error, 0);
  EXPECT_THAT(base::ReadFile(log_, kLimit).value_or("").substr(size_t{2} << 20), testing::EndsWith("stdout F end\n"));
  EXPECT_EQ(LastReply(stalled).error, ETIMEDOUT);
}

TEST_F(Attach, ATerminalHasOneOutputAndTakesInput) {
  const base::UniqueFd slave = OpenTerminal(supervisor::kStdin);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  ASSERT_EQ(client.reply.error, 0) << client.reply.text;
  EXPECT_EQ(client.reply.value, supervisor::kTty | supervisor::kStdin | supervisor::kStdout);
  ASSERT_THAT(client.reply.fds, SizeIs(2));
  Write(client.reply.fds[0], "typed\n");
  EXPECT_EQ(Take(slave, 6), "typed\n");
  EXPECT_EQ(Take(client.reply.fds[1], 7), "typed\r\n") << "its echo";
  winsize size{};
  EXPECT_EQ(harness_.Call(supervisor::kResize, {"app", "132", "43"}).error, 0);
  ASSERT_EQ(::ioctl(slave.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_col, 132);
  EXPECT_EQ(size.ws_row, 43);
  EXPECT_EQ(harness_.Call(supervisor::kResize, {"app", "65536", "43"}).error, EINVAL);
  const auto with_master = harness_.Attach("app", supervisor::kTty | supervisor::kStdout);
  ASSERT_THAT(with_master.reply.fds, SizeIs(2));
  size.ws_col = 20;
  ASSERT_EQ(::ioctl(with_master.reply.fds[0].get(), TIOCSWINSZ, &size), 0);
  ASSERT_EQ(::ioctl(slave.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_col, 20);
}

TEST_F(Attach, ATerminalWithoutStdinTakesNoInput) {
  const base::UniqueFd slave = OpenTerminal(0);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  EXPECT_EQ(client.reply.value, supervisor::kTty | supervisor::kStdout);
  EXPECT_EQ(client.reply.text, "tty-out");
}

TEST_F(Attach, SaysWhatThereIsToWhoWantsNothing) {
  auto fds = OpenApp(supervisor::kStdin | supervisor::kStdinOnce);
  EXPECT_EQ(harness_.Attach("app", 0).reply.text, "stdin stdout stderr");
  auto client = harness_.Attach("app", supervisor::kStdin);
  EXPECT_EQ(client.reply.value, supervisor::kStdin) << "the first client that has stdin is another";
}

TEST_F(Attach, ThereIsNothingToResizeWithoutATerminal) {
  auto fds = OpenApp();
  EXPECT_EQ(harness_.Call(supervisor::kResize, {"app", "80", "25"}).error, ENOTTY);
}

TEST_F(Attach, SurvivesClientsThatGoAwayInTheMiddle) {
  auto fds = OpenApp(supervisor::kStdin);
  const std::string text(100000, 'x');
  for (int round = 0; round < 100; ++round) {
    auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
    Write(client.reply.fds[0], "y");
    Write(fds[1], text.substr(0, 1000 * static_cast<size_t>(round)));
  }
  for (int round = 0; round < 100; ++round) {
    EXPECT_EQ(Take(fds[0], 1), "y");
  }
  // Questions are answered before the clients' ends are seen.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string state;
  do {
    state = harness_.Call(supervisor::kLogState, {"app"}).text;
  } while (state.find("attachments=0") == std::string::npos && std::chrono::steady_clock::now() < deadline);
  EXPECT_THAT(state, HasSubstr("attachments=0"));
}

TEST_F(Attach, AWordOutOfPlaceDetaches) {
  auto fds = OpenApp();
  auto client = harness_.Attach("app", kBoth);
  ASSERT_EQ(::send(client.connection.get(), "garbage", 7, MSG_NOSIGNAL), 7);
  EXPECT_EQ(TakeAll(client.reply.fds[0]), "");
  EXPECT_EQ(SupervisorHarness::NextReply(client.connection).error, -1);
}

}  // namespace
}  // namespace rkt::stage1
