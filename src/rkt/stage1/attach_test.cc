// SPDX-License-Identifier: Apache-2.0
// Attached clients of the real supervisor: output to all of them and the log, input, terminals, clients that stall.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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
  explicit Attach(int patience = 3000) : harness_(patience) {}

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

  // Whatever the supervisor had to handle has been handled.
  void Settle() {
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(harness_.Call(supervisor::kPing, {}).error, 0);
    }
  }

  void WaitForAttachments(int count) {
    const std::string wanted = "attachments=" + std::to_string(count);
    // Questions are answered before the clients' ends are seen.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string state;
    do {
      state = harness_.Call(supervisor::kLogState, {"app"}).text;
    } while (!state.ends_with(wanted) && std::chrono::steady_clock::now() < deadline);
    EXPECT_THAT(state, testing::EndsWith(wanted));
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
  WaitForAttachments(0);
}

TEST_F(Attach, AContainerWithoutOutputsKeepsItsInputAndItsClients) {
  auto fds = OpenApp(supervisor::kStdin);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  Write(fds[1], "now quiet\n");
  fds[1].Reset();
  fds[2].Reset();
  EXPECT_EQ(TakeAll(client.reply.fds[1]), "now quiet\n");
  EXPECT_EQ(TakeAll(client.reply.fds[2]), "");
  Write(client.reply.fds[0], "still here");
  EXPECT_EQ(Take(fds[0], 10), "still here");
  auto later = harness_.Attach("app", kBoth | supervisor::kStdin);
  ASSERT_EQ(later.reply.value, kBoth | supervisor::kStdin) << later.reply.text;
  EXPECT_EQ(TakeAll(later.reply.fds[1]), "");
  Write(later.reply.fds[0], "me, too");
  EXPECT_EQ(Take(fds[0], 7), "me, too");
  fds[0].Reset();
  EXPECT_EQ(LastReply(client).error, 0);
  EXPECT_EQ(LastReply(later).error, 0);
  EXPECT_EQ(harness_.Attach("app", kBoth).reply.error, ESHUTDOWN);
}

TEST_F(Attach, ClientsOfAContainerWithoutOutputsEndWhenItDoes) {
  auto fds = OpenApp(supervisor::kStdin);
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  fds[1].Reset();
  fds[2].Reset();
  EXPECT_EQ(TakeAll(client.reply.fds[1]), "");
  EXPECT_EQ(TakeAll(client.reply.fds[2]), "");
  EXPECT_FALSE(Readable(client.connection));
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).value, 0U);
  EXPECT_EQ(LastReply(client).error, 0);
  EXPECT_EQ(harness_.Attach("app", kBoth).reply.error, ESHUTDOWN);
}

TEST_F(Attach, ATerminalThatNobodyHasOpenMayBeOpenedAgain) {
  base::UniqueFd slave = OpenTerminal(supervisor::kStdin);
  const std::string name = ::ttyname(slave.get());
  auto client = harness_.Attach("app", kBoth | supervisor::kStdin);
  for (int round = 0; round < 3; ++round) {
    slave.Reset();
    Settle();
    EXPECT_EQ(harness_.Attach("app", supervisor::kStdout).reply.error, 0) << "the container has not ended";
    EXPECT_EQ(harness_.Call(supervisor::kResize, {"app", "132", "43"}).error, 0);
    slave = base::UniqueFd(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(slave.valid());
    Settle();
    for (const char* line : {"again\n", "and again\n"}) {
      Write(slave, line);
      EXPECT_EQ(Take(client.reply.fds[1], std::string(line).size() + 1),
                std::string(line, std::string(line).size() - 1) + "\r\n");
    }
    Write(client.reply.fds[0], "typed\n");
    EXPECT_EQ(Take(slave, 6), "typed\n");
    EXPECT_EQ(Take(client.reply.fds[1], 7), "typed\r\n");
  }
  Write(slave, "last\n");
  slave.Reset();
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).value, 0U);
  EXPECT_EQ(TakeAll(client.reply.fds[1]), "last\r\n");
  EXPECT_EQ(LastReply(client).error, 0);
  EXPECT_EQ(harness_.Attach("app", kBoth).reply.error, ESHUTDOWN);
  EXPECT_THAT(base::ReadFile(log_).value_or(""), testing::EndsWith("stdout F last\r\n"));
}

TEST_F(Attach, ATerminalThatIsClosedAfterADrainIsAtItsEnd) {
  base::UniqueFd slave = OpenTerminal(0);
  auto client = harness_.Attach("app", kBoth);
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).value, 1U);
  slave.Reset();
  EXPECT_EQ(TakeAll(client.reply.fds[0]), "");
  EXPECT_EQ(LastReply(client).error, 0);
}

TEST_F(Attach, ATerminalThatNobodyHasOpenCostsNoTime) {
  base::UniqueFd slave = OpenTerminal(0);
  slave.Reset();
  Settle();
  const std::string status = "/proc/" + std::to_string(harness_.pid()) + "/status";
  const auto wake_ups = [&status] {
    const std::string text = base::ReadFile(status).value_or("");
    return std::stoi(text.substr(text.find("\nvoluntary_ctxt_switches:") + 25));
  };
  const int before = wake_ups();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LE(wake_ups() - before, 1);
}

TEST_F(Attach, VisitorsOfAFullStdinDoNotPileUp) {
  auto fds = OpenApp(supervisor::kStdin);
  auto writer = harness_.Attach("app", supervisor::kStdin);
  ASSERT_EQ(::fcntl(writer.reply.fds[0].get(), F_SETFL, O_NONBLOCK), 0);
  const std::string much(size_t{4} << 20, 'x');
  size_t written = 0;
  while (true) {
    const ssize_t count = ::write(writer.reply.fds[0].get(), much.data(), much.size());
    if (count <= 0) {
      break;
    }
    written += static_cast<size_t>(count);
    Settle();
  }
  for (int round = 0; round < 1200; ++round) {
    auto visitor = harness_.Attach("app", supervisor::kStdin);
    ASSERT_EQ(visitor.reply.error, 0) << visitor.reply.text << " in round " << round;
    if (round % 2 == 0) {
      Write(visitor.reply.fds[0], "y");
    }
  }
  WaitForAttachments(1 + 128);  // some of those that left something
  const std::string taken = Take(fds[0], written + 128);
  EXPECT_EQ(std::count(taken.begin(), taken.end(), 'x'), static_cast<ptrdiff_t>(written));
  EXPECT_EQ(std::count(taken.begin(), taken.end(), 'y'), 128);
  WaitForAttachments(1);
}

TEST_F(Attach, AVisitorOfAFullStdinOnceEndsIt) {
  auto fds = OpenApp(supervisor::kStdin | supervisor::kStdinOnce);
  auto writer = harness_.Attach("app", supervisor::kStdin);
  Write(writer.reply.fds[0], std::string(size_t{96} << 10, 'x'));  // more than the container's pipe holds
  Settle();
  { auto visitor = harness_.Attach("app", supervisor::kStdin); }
  pollfd broken{writer.reply.fds[0].get(), 0, 0};
  EXPECT_EQ(::poll(&broken, 1, 20000), 1);
  WaitForAttachments(1);
  EXPECT_EQ(TakeAll(fds[0]), std::string(size_t{64} << 10, 'x'));
}

TEST_F(Attach, KeepsLittleForAClient) {
  auto fds = OpenApp();
  auto client = harness_.Attach("app", kBoth);
  EXPECT_LE(::fcntl(client.reply.fds[0].get(), F_GETPIPE_SZ), 128 << 10);
}

class SlowClient : public Attach {
 protected:
  SlowClient() : Attach(150) {}
};

TEST_F(SlowClient, ThatHoldsTheContainerUpAgainAndAgainIsDropped) {
  auto fds = OpenApp();
  auto client = harness_.Attach("app", kBoth);
  std::thread writer([&] {
    Write(fds[1], std::string(size_t{32} << 20, 'x'));
    fds.clear();
  });
  std::string piece(size_t{64} << 10, '\0');
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (!Readable(client.connection) && std::chrono::steady_clock::now() < deadline) {
    EXPECT_GE(::read(client.reply.fds[0].get(), piece.data(), piece.size()), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
  }
  EXPECT_LT(std::chrono::steady_clock::now(), deadline);
  EXPECT_EQ(LastReply(client).error, ETIMEDOUT);
  writer.join();
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
