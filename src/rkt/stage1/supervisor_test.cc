// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/stage1/supervisor_harness.h"
#include "spec/records.h"

namespace rkt::stage1 {
namespace {

namespace base = rktlet::base;
namespace supervisor = rktlet::spec::supervisor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;

constexpr char kTime[] = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z";

std::vector<std::string> Lines(const std::string& text) { return absl::StrSplit(text, '\n', absl::SkipEmpty()); }

// A line without its time.
std::string Rest(const std::string& line) { return line.size() > 31 ? line.substr(31) : line; }

class Supervisor : public testing::Test {
 protected:
  // An app "app" with pipes and a log; returns the pipes.
  std::vector<base::UniqueFd> OpenApp(uint32_t flags = 0) {
    directory_ = harness_.MakeContainer("container");
    HarnessReply reply = harness_.Call(supervisor::kStdio, {"app", directory_, log_}, flags);
    EXPECT_EQ(reply.error, 0) << reply.text;
    EXPECT_THAT(reply.fds, SizeIs(3));
    return std::move(reply.fds);
  }

  void Write(const base::UniqueFd& fd, const std::string& text) {
    EXPECT_THAT(base::WriteAll(fd.get(), text), base::IsOk());
  }

  // The log once the pipes have reached their end.
  std::string DrainedLog() {
    const HarnessReply reply = harness_.Call(supervisor::kDrain, {"app"});
    EXPECT_EQ(reply.error, 0);
    EXPECT_EQ(reply.value, 0U);
    return base::ReadFile(log_, size_t{64} << 20).value_or("");
  }

  SupervisorHarness harness_;
  std::string log_ = harness_.File("app.log");
  std::string directory_;
};

TEST_F(Supervisor, WritesEachLineWithTimeStreamAndTag) {
  auto fds = OpenApp();
  Write(fds[1], "hello\n");
  WaitForFile(log_, [](const std::string& text) { return text.ends_with("hello\n"); });
  Write(fds[2], "trouble\n\nmore");
  fds.clear();
  const auto lines = Lines(DrainedLog());
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_THAT(lines[0], MatchesRegex(std::string(kTime) + " stdout F hello"));
  EXPECT_THAT(Rest(lines[1]), "stderr F trouble");
  EXPECT_THAT(Rest(lines[2]), "stderr F ");
  EXPECT_THAT(Rest(lines[3]), "stderr P more");
}

TEST_F(Supervisor, SplitsLongLinesAt16KiBAndLosesNothing) {
  auto fds = OpenApp();
  const std::string exact(16384, 'x');
  const std::string longer(40000, 'y');
  Write(fds[1], exact + "\n" + longer + "\nend\n");
  fds.clear();
  std::vector<std::string> pieces;
  for (const std::string& line : Lines(DrainedLog())) {
    pieces.push_back(Rest(line));
  }
  EXPECT_THAT(pieces,
              ElementsAre("stdout F " + exact, "stdout P " + std::string(16384, 'y'),
                          "stdout P " + std::string(16384, 'y'), "stdout F " + std::string(7232, 'y'), "stdout F end"));
}

TEST_F(Supervisor, JoinsLinesThatArriveInPieces) {
  auto fds = OpenApp();
  for (const char* piece : {"a", "b", "c\nd", "e\n"}) {
    Write(fds[1], piece);
    harness_.Call(supervisor::kPing, {});
  }
  fds.clear();
  const auto lines = Lines(DrainedLog());
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(Rest(lines[0]), "stdout F abc");
  EXPECT_EQ(Rest(lines[1]), "stdout F de");
}

TEST_F(Supervisor, KeepsEveryByteOfManyLines) {
  auto fds = OpenApp();
  constexpr int kLines = 20000;
  for (int index = 0; index < kLines; ++index) {
    Write(fds[1], "line number " + std::to_string(index) + "\n");
  }
  fds.clear();
  const auto lines = Lines(DrainedLog());
  ASSERT_THAT(lines, SizeIs(kLines));
  EXPECT_EQ(Rest(lines[kLines - 1]), "stdout F line number 19999");
}

TEST_F(Supervisor, MakesTheLogReadableByItsGroupOnly) {
  OpenApp();
  struct stat info {};
  ASSERT_EQ(::stat(log_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777 & ~0640U, 0U);
}

TEST_F(Supervisor, WritesToANewFileAfterReopen) {
  auto fds = OpenApp();
  Write(fds[1], "before\n");
  WaitForFile(log_, [](const std::string& text) { return !text.empty(); });
  ASSERT_EQ(::rename(log_.c_str(), (log_ + ".1").c_str()), 0);
  EXPECT_EQ(harness_.Call(supervisor::kReopenLog, {"app"}).error, 0);
  EXPECT_TRUE(base::Exists(log_));
  Write(fds[1], "after\n");
  fds.clear();
  EXPECT_THAT(DrainedLog(), MatchesRegex(std::string(kTime) + " stdout F after\n"));
  EXPECT_THAT(base::ReadFile(log_ + ".1").value_or(""), HasSubstr("before"));
}

TEST_F(Supervisor, GoesOnWhenTheLogDirectoryVanishes) {
  const std::string logs = harness_.MakeContainer("logs");
  log_ = logs + "/app.log";
  auto fds = OpenApp();
  ASSERT_THAT(base::RemoveTree(logs), base::IsOk());
  Write(fds[1], "into the void\n");
  EXPECT_EQ(harness_.Call(supervisor::kReopenLog, {"app"}).error, ENOENT);
  ASSERT_EQ(::mkdir(logs.c_str(), 0700), 0);
  EXPECT_EQ(harness_.Call(supervisor::kReopenLog, {"app"}).error, 0);
  Write(fds[1], "back\n");
  fds.clear();
  EXPECT_THAT(DrainedLog(), HasSubstr("stdout F back\n"));
}

TEST_F(Supervisor, NeverBlocksTheContainerOnAFullDisk) {
  log_ = "/dev/full";
  auto fds = OpenApp();
  for (int round = 0; round < 100; ++round) {
    Write(fds[1], std::string(8191, 'z') + "\n");
  }
  fds.clear();
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).error, 0);
  EXPECT_TRUE(harness_.Alive());
}

TEST_F(Supervisor, RefusesALogThatCannotBeOpened) {
  const std::string directory = harness_.MakeContainer("container");
  const HarnessReply reply = harness_.Call(supervisor::kStdio, {"app", directory, harness_.File("absent/log")});
  EXPECT_EQ(reply.error, ENOENT);
  EXPECT_THAT(reply.text, HasSubstr("log"));
}

TEST_F(Supervisor, WritesWhatIsInThePipesBeforeItEnds) {
  auto fds = OpenApp();
  std::string text;
  for (int index = 0; index < 1000; ++index) {
    text += "line " + std::to_string(index) + "\n";
  }
  Write(fds[1], text + "unfinished");
  const base::ExitStatus status = harness_.Terminate();
  EXPECT_EQ(status.ShellCode(), 0);
  const auto lines = Lines(base::ReadFile(log_).value_or(""));
  ASSERT_THAT(lines, SizeIs(1001));
  EXPECT_EQ(Rest(lines[1000]), "stdout P unfinished");
}

TEST_F(Supervisor, DropsOutputWithoutALog) {
  log_.clear();
  auto fds = OpenApp();
  Write(fds[1], std::string(100000, 'x'));
  fds.clear();
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).error, 0);
}

TEST_F(Supervisor, GivesNoStdinUnlessAsked) {
  auto fds = OpenApp();
  char byte = 0;
  EXPECT_EQ(::read(fds[0].get(), &byte, 1), 0);
}

TEST_F(Supervisor, KeepsStdinOpenWhenAsked) {
  auto fds = OpenApp(supervisor::kStdin);
  ASSERT_EQ(::fcntl(fds[0].get(), F_SETFL, O_NONBLOCK), 0);
  char byte = 0;
  EXPECT_EQ(::read(fds[0].get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(Supervisor, DrainGivesUpAfterASecondWhenSomebodyHoldsAPipe) {
  auto fds = OpenApp();
  const HarnessReply reply = harness_.Call(supervisor::kDrain, {"app"});
  EXPECT_EQ(reply.error, 0);
  EXPECT_EQ(reply.value, 1U);
}

TEST_F(Supervisor, OpensTheGateAndRecordsTheStart) {
  auto fds = OpenApp();
  const std::string gate = harness_.File("exec.fifo");
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  const base::UniqueFd waiting(::open(gate.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const HarnessReply reply = harness_.Call(supervisor::kStart, {"app", "", gate, "4711"});
  EXPECT_EQ(reply.error, 0) << reply.text;
  char byte = 0;
  EXPECT_EQ(::read(waiting.get(), &byte, 1), 1);
  EXPECT_FALSE(base::Exists(gate));
  ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(directory_ + "/started"));
  ASSERT_OK_AND_ASSIGN(const auto record, rktlet::spec::ParseStartedRecord(text));
  EXPECT_EQ(record.pid, 4711);
  EXPECT_EQ(record.boot_id, base::BootId().value());
  EXPECT_EQ(static_cast<uint64_t>(record.started_at), reply.value);
  EXPECT_EQ(harness_.Call(supervisor::kStart, {"app", "", gate, "4711"}).error, EALREADY);
  EXPECT_EQ(harness_.Call(supervisor::kStdio, {"app", directory_, log_}).error, EBUSY);
}

TEST_F(Supervisor, OpensTheGateOfAContainerThatWaitsToWrite) {
  auto fds = OpenApp();
  const std::string gate = harness_.File("exec.fifo");
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  ssize_t written = 0;
  std::thread container([&] {
    const base::UniqueFd fd(::open(gate.c_str(), O_WRONLY | O_CLOEXEC));
    written = ::write(fd.get(), "0", 1);
  });
  const HarnessReply reply = harness_.Call(supervisor::kStart, {"app", "", gate, "4711"}, supervisor::kWritesToGate);
  container.join();
  EXPECT_EQ(reply.error, 0) << reply.text;
  EXPECT_EQ(written, 1);
  EXPECT_FALSE(base::Exists(gate));
  EXPECT_TRUE(base::Exists(directory_ + "/started"));
}

TEST_F(Supervisor, OpensTheGateOfAFrozenContainer) {
  auto fds = OpenApp();
  const std::string gate = harness_.File("cgroup.freeze");
  EXPECT_EQ(harness_.Call(supervisor::kStart, {"app", "", gate, "4711"}, supervisor::kFrozen).error, ESTALE);
  EXPECT_FALSE(base::Exists(directory_ + "/started"));
  ASSERT_THAT(base::WriteFileAtomic(gate, "1"), base::IsOk());
  const HarnessReply reply = harness_.Call(supervisor::kStart, {"app", "", gate, "4711"}, supervisor::kFrozen);
  EXPECT_EQ(reply.error, 0) << reply.text;
  EXPECT_THAT(base::ReadFile(gate), base::IsOkAndHolds("0"));
  EXPECT_TRUE(base::Exists(directory_ + "/started"));
}

TEST_F(Supervisor, OpensNoGateAtWhichNobodyWaits) {
  OpenApp();
  const std::string gate = harness_.File("exec.fifo");
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  EXPECT_EQ(harness_.Call(supervisor::kStart, {"app", "", gate, "1"}).error, ESTALE);
  EXPECT_EQ(harness_.Call(supervisor::kStart, {"app", "", harness_.File("absent"), "1"}).error, ESTALE);
  EXPECT_FALSE(base::Exists(directory_ + "/started"));
}

TEST_F(Supervisor, MakesNewPipesForAnAppThatNeverStarted) {
  auto first = OpenApp();
  HarnessReply second = harness_.Call(supervisor::kStdio, {"app", directory_, log_});
  ASSERT_EQ(second.error, 0);
  Write(second.fds[1], "again\n");
  second.fds.clear();
  EXPECT_THAT(DrainedLog(), HasSubstr("again"));
}

TEST_F(Supervisor, ForgetsAnAppAfterItsOutputIsInTheLog) {
  auto fds = OpenApp();
  Write(fds[1], "last words\n");
  EXPECT_EQ(harness_.Call(supervisor::kPing, {}).value, 1U);
  EXPECT_EQ(harness_.Call(supervisor::kForget, {"app"}).error, 0);
  EXPECT_THAT(base::ReadFile(log_).value_or(""), HasSubstr("last words"));
  EXPECT_EQ(harness_.Call(supervisor::kPing, {}).value, 0U);
  EXPECT_EQ(harness_.Call(supervisor::kForget, {"app"}).error, 0);
  EXPECT_EQ(harness_.Call(supervisor::kOomSeen, {"app"}).error, ENOENT);
}

TEST_F(Supervisor, TakesATerminalFromTheRuntime) {
  const std::string directory = harness_.MakeContainer("container");
  HarnessReply reply = harness_.Call(supervisor::kStdio, {"app", directory, log_}, supervisor::kTty);
  ASSERT_EQ(reply.error, 0) << reply.text;
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  SendTerminal(reply.text, master);
  ::close(master);
  ASSERT_EQ(::write(slave, "prompt\n", 7), 7);
  const std::string text = WaitForFile(log_, [](const std::string& log) { return log.ends_with("\n"); });
  EXPECT_THAT(text, HasSubstr("stdout F prompt\r\n"));
  EXPECT_FALSE(base::Exists(reply.text));
  ::close(slave);
  EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).value, 0U);
}

TEST_F(Supervisor, AnswersMalformedPacketsWithEinvalAndLives) {
  const supervisor::RequestHeader good{supervisor::kMagic, supervisor::kStdio, 0, 0};
  std::vector<std::string> packets = {"x", std::string(15, '\0'), std::string(supervisor::kMaxPacket, 'A'),
                                      std::string(supervisor::kMaxPacket + 1000, 'A')};
  const auto add = [&packets](supervisor::RequestHeader header, const std::string& body) {
    packets.push_back(std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + body);
  };
  add({1, supervisor::kPing, 0, 0}, "");
  add({supervisor::kMagic, 99, 0, 0}, "");
  add({supervisor::kMagic, supervisor::kPing, 0, 7}, "");
  add({supervisor::kMagic, supervisor::kPing, 1, 0}, "");
  add({supervisor::kMagic, supervisor::kPing, 0, 0}, std::string("extra\0", 6));
  add(good, "no terminator");
  add(good, std::string("app\0relative\0\0", 14));
  add(good, std::string("Bad Name\0/tmp\0\0", 15));
  add(good, std::string("\0/tmp\0\0", 7));
  add({supervisor::kMagic, supervisor::kStart, 0, 0}, std::string("app\0\0/gate\0pid\0", 15));
  for (const std::string& packet : packets) {
    EXPECT_EQ(harness_.SendRaw(packet).error, EINVAL);
  }
  EXPECT_EQ(harness_.Call(supervisor::kPing, {}).error, 0);
}

TEST_F(Supervisor, SurvivesClientsThatGoAway) {
  for (int round = 0; round < 200; ++round) {
    const base::UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, harness_.socket().c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const supervisor::RequestHeader ping{supervisor::kMagic, supervisor::kPing, 0, 0};
    ::send(fd.get(), &ping, sizeof(ping), MSG_NOSIGNAL);
  }
  EXPECT_EQ(harness_.Call(supervisor::kPing, {}).error, 0);
}

}  // namespace
}  // namespace rkt::stage1
