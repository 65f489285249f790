// SPDX-License-Identifier: Apache-2.0
// The log of the real supervisor where it is hard: full disks, rotation under load, the copy to the journal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <thread>

#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/stage1/supervisor_harness.h"

namespace rkt::stage1 {
namespace {

namespace base = rktlet::base;
namespace supervisor = rktlet::spec::supervisor;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr size_t kLimit = size_t{256} << 20;

// The lines of a log without their times.
std::vector<std::string> LinesOf(const std::string& path) {
  std::vector<std::string> lines;
  for (const auto line : absl::StrSplit(base::ReadFile(path, kLimit).value_or(""), '\n', absl::SkipEmpty())) {
    lines.emplace_back(line.size() > 31 ? line.substr(31) : line);
  }
  return lines;
}

class Log : public testing::Test {
 protected:
  void OpenApp() {
    HarnessReply reply = harness_.Call(supervisor::kStdio, {"app", harness_.MakeContainer("container"), log_});
    EXPECT_EQ(reply.error, 0) << reply.text;
    fds_ = std::move(reply.fds);
  }

  // Writes, and waits until the supervisor has taken it.
  void Write(int fd, const std::string& text) {
    ASSERT_THAT(base::WriteAll(fds_[static_cast<size_t>(fd)].get(), text), base::IsOk());
    WaitUntilTaken(fds_[static_cast<size_t>(fd)].get());
  }

  // The disk of the log is full once the file has this size.
  void LimitFile(rlim_t size) const {
    const rlimit limit{size, RLIM_INFINITY};
    ASSERT_EQ(::prlimit(harness_.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }

  void WaitUntilTaken(int pipe) {
    int left = 1;
    while (::ioctl(pipe, FIONREAD, &left) == 0 && left > 0) {
      harness_.Call(supervisor::kPing, {});
    }
    harness_.Call(supervisor::kPing, {});  // the piece that was read last has been written
  }

  std::string State() { return harness_.Call(supervisor::kLogState, {"app"}).text; }

  void Finish() {
    fds_.clear();
    EXPECT_EQ(harness_.Call(supervisor::kDrain, {"app"}).value, 0U);
  }

  SupervisorHarness harness_;
  std::string log_ = harness_.File("app.log");
  std::vector<base::UniqueFd> fds_;
};

TEST_F(Log, CountsWhatAFullDiskLosesAndSaysSoTwice) {
  OpenApp();
  Write(1, "before\n");
  LimitFile(60);
  Write(1, "lost one\nlost two\n");
  Write(2, "lost three\n");
  Write(1, "lost four\n");
  EXPECT_THAT(State(), AllOf(HasSubstr("lines=1 bytes=6 "), HasSubstr("lost_lines=4 lost_bytes=35 ")));
  LimitFile(RLIM_INFINITY);
  Write(1, "after\n");
  EXPECT_THAT(LinesOf(log_), ElementsAre("stdout F before", "stdout F after"));
  const std::vector<std::string> said = absl::StrSplit(harness_.Said(), '\n', absl::SkipEmpty());
  EXPECT_THAT(said, ElementsAre(AllOf(HasSubstr("cannot write to"), HasSubstr(log_)),
                                AllOf(HasSubstr("writing again to"), HasSubstr("lost 4 lines, 35 bytes"))));
}

TEST_F(Log, ALineThatLostAPieceSpoilsNoOther) {
  OpenApp();
  Write(1, std::string(20000, 'a'));  // its first piece is in the file
  LimitFile(17000);
  Write(1, std::string(30000, 'a'));
  LimitFile(RLIM_INFINITY);
  Write(1, std::string(100, 'a') + "\nnext\n");
  Write(1, "more\n");
  EXPECT_THAT(LinesOf(log_),
              ElementsAre("stdout P " + std::string(16384, 'a'), "stdout F ", "stdout F next", "stdout F more"));
  EXPECT_THAT(State(), HasSubstr("lost_lines=1 lost_bytes=" + std::to_string(50100 - 16384) + " "));
}

// A file that grows up to the limit and cannot be made shorter: what is torn stays torn.
TEST_F(Log, AReopenedFileKeepsItsTear) {
  const base::UniqueFd file(::memfd_create("log", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  log_ = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file.get());
  OpenApp();
  Write(1, "before\n");
  LimitFile(60);
  Write(1, "this is torn somewhere\n");
  LimitFile(RLIM_INFINITY);
  EXPECT_EQ(harness_.Call(supervisor::kReopenLog, {"app"}).error, 0);
  Write(1, "after\n");
  const std::vector<std::string> lines = LinesOf(log_);
  ASSERT_THAT(lines, testing::SizeIs(3));
  EXPECT_EQ(lines[0], "stdout F before");
  EXPECT_EQ(lines[2], "stdout F after");
}

TEST_F(Log, AStreamThatIsNotTornIsNotTouchedByTheOthersLoss) {
  OpenApp();
  Write(2, "begin ");
  LimitFile(10);
  Write(1, "lost\n");
  LimitFile(RLIM_INFINITY);
  Write(2, "end\n");
  EXPECT_THAT(LinesOf(log_), ElementsAre("stderr F begin end"));
}

TEST_F(Log, NoLineIsLostOrDoubledByReopeningUnderLoad) {
  OpenApp();
  constexpr int kLines = 200000;
  std::thread writer([this] {
    std::string text;
    for (int line = 0; line < kLines; ++line) {
      text += std::to_string(line) + "\n";
    }
    EXPECT_THAT(base::WriteAll(fds_[1].get(), text), base::IsOk());
  });
  std::vector<std::string> files;
  for (int round = 0; round < 40; ++round) {
    files.push_back(log_ + "." + std::to_string(round));
    ASSERT_EQ(::rename(log_.c_str(), files.back().c_str()), 0);
    EXPECT_EQ(harness_.Call(supervisor::kReopenLog, {"app"}).error, 0);
  }
  writer.join();
  Finish();
  files.push_back(log_);
  int expected = 0;
  for (const std::string& file : files) {
    for (const std::string& line : LinesOf(file)) {
      ASSERT_EQ(line, "stdout F " + std::to_string(expected)) << file;
      ++expected;
    }
  }
  EXPECT_EQ(expected, kLines);
}

TEST_F(Log, LinesOfTheTwoOutputsStandInTheOrderInWhichTheyCame) {
  OpenApp();
  std::vector<std::string> expected;
  for (int line = 0; line < 100; ++line) {
    const bool error = line % 3 == 1;
    Write(error ? 2 : 1, std::to_string(line) + "\n");
    expected.push_back((error ? "stderr F " : "stdout F ") + std::to_string(line));
  }
  Finish();
  EXPECT_EQ(LinesOf(log_), expected);
  std::vector<std::string> times;
  for (const auto line : absl::StrSplit(base::ReadFile(log_).value_or(""), '\n', absl::SkipEmpty())) {
    times.emplace_back(line.substr(0, 30));
  }
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST_F(Log, OfOutputsThatWaitTheOneThatWasWrittenFirstIsFirst) {
  OpenApp();
  for (const int first : {1, 2}) {
    ASSERT_EQ(::kill(harness_.pid(), SIGSTOP), 0);
    for (const int fd : {first, 3 - first, first}) {
      ASSERT_THAT(base::WriteAll(fds_[static_cast<size_t>(fd)].get(), std::to_string(fd) + "\n"), base::IsOk());
    }
    ASSERT_EQ(::kill(harness_.pid(), SIGCONT), 0);
    WaitUntilTaken(fds_[1].get());
    WaitUntilTaken(fds_[2].get());
  }
  Finish();
  // All that an output has is read at once: its third line comes with its first.
  EXPECT_THAT(LinesOf(log_), ElementsAre("stdout F 1", "stdout F 1", "stderr F 2",  //
                                         "stderr F 2", "stderr F 2", "stdout F 1"));
}

TEST_F(Log, CarriesBinaryAndEmptyLinesAsTheyAre) {
  OpenApp();
  std::string binary;
  for (int byte = 0; byte < 256; ++byte) {
    binary += static_cast<char>(byte == '\n' ? ' ' : byte);
  }
  Write(1, "\n" + binary + "\n\n");
  const std::string text = base::ReadFile(log_).value_or("");
  EXPECT_THAT(text, HasSubstr(" stdout F " + binary + "\n"));
  EXPECT_THAT(State(), HasSubstr("lines=3 bytes=256 "));
}

class JournalCopy : public Log {
 protected:
  JournalCopy() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, harness_.journal_socket().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }

  int OpenApp(const std::string& journal) {
    HarnessReply reply = harness_.Call(supervisor::kStdio, {"app", harness_.MakeContainer("container"), log_, journal},
                                       supervisor::kJournal);
    fds_ = std::move(reply.fds);
    return reply.error;
  }

  std::string NextEntry() {
    std::string entry(65536, '\0');
    pollfd poll_fd{socket_.get(), POLLIN, 0};
    if (::poll(&poll_fd, 1, 20000) != 1) {
      return "(none)";
    }
    entry.resize(static_cast<size_t>(std::max<ssize_t>(::recv(socket_.get(), entry.data(), entry.size(), 0), 0)));
    return entry;
  }

  base::UniqueFd socket_;
};

TEST_F(JournalCopy, HasTheLineAndTheFields) {
  ASSERT_EQ(OpenApp("0 0\nK8S_CONTAINER=web\nSYSLOG_IDENTIFIER=web\n"), 0);
  Write(1, "hello\n");
  Write(2, std::string("\0\x01", 2) + "\n");
  EXPECT_EQ(NextEntry(), std::string("MESSAGE\n\x05\0\0\0\0\0\0\0hello", 21) +
                             "\nPRIORITY=6\nCONTAINER_STREAM=stdout\nK8S_CONTAINER=web\nSYSLOG_IDENTIFIER=web\n");
  EXPECT_THAT(NextEntry(), AllOf(testing::StartsWith(std::string("MESSAGE\n\x02\0\0\0\0\0\0\0\0\x01\n", 19)),
                                 HasSubstr("PRIORITY=3\nCONTAINER_STREAM=stderr\n")));
  EXPECT_THAT(State(), HasSubstr("journal_lines=2 journal_suppressed=0"));
}

TEST_F(JournalCopy, MarksPiecesOfLongLines) {
  ASSERT_EQ(OpenApp("0 0\nA=b\n"), 0);
  Write(1, std::string(16390, 'x') + "\n");
  EXPECT_THAT(NextEntry(), HasSubstr("CONTAINER_PARTIAL_MESSAGE=true\nA=b\n"));
  EXPECT_THAT(NextEntry(), Not(HasSubstr("PARTIAL")));
}

TEST_F(JournalCopy, HasAllOfALineThatTheLogHasLost) {
  ASSERT_EQ(OpenApp("0 0\nA=b\n"), 0);
  LimitFile(1);
  Write(1, std::string(16390, 'x'));  // the log loses the first piece, and with it the line
  LimitFile(RLIM_INFINITY);
  Write(1, "rest\nnext\n");
  EXPECT_THAT(NextEntry(), HasSubstr("CONTAINER_PARTIAL_MESSAGE=true\n"));
  EXPECT_THAT(NextEntry(), HasSubstr("xxxxxxrest\nPRIORITY"));
  EXPECT_THAT(NextEntry(), HasSubstr("next\nPRIORITY"));
  EXPECT_THAT(LinesOf(log_), ElementsAre("stdout F next"));
  EXPECT_THAT(State(), HasSubstr("lines=1 bytes=4 lost_lines=1 lost_bytes=16394 journal_lines=3 journal_suppressed=0"));
}

TEST_F(JournalCopy, IsLimitedByARateAndTheLogIsNot) {
  ASSERT_EQ(OpenApp("3 3600000\nA=b\n"), 0);
  Write(1, "1\n2\n3\n4\n5\n");
  EXPECT_THAT(State(), AllOf(HasSubstr("lines=5 "), HasSubstr("journal_lines=3 journal_suppressed=2")));
}

TEST_F(JournalCopy, SaysWhatItLeftOutWhenTheIntervalIsOver) {
  ASSERT_EQ(OpenApp("1 1\nA=b\n"), 0);
  uint64_t notices = 0;
  for (int line = 0; notices == 0 && line < 2000; ++line) {
    Write(1, "x\nx\nx\n");
    std::string entry(4096, '\0');
    while (::recv(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT) > 0) {
      notices += entry.find("lines of the container are in its log only") != std::string::npos ? 1 : 0;
    }
  }
  EXPECT_EQ(notices, 1U);
}

TEST_F(JournalCopy, ThatCannotBeSentHoldsNothingUp) {
  socket_.Reset();
  ASSERT_EQ(OpenApp("0 0\nA=b\n"), 0);
  Write(1, "one\ntwo\n");
  EXPECT_THAT(LinesOf(log_), ElementsAre("stdout F one", "stdout F two"));
  EXPECT_THAT(State(), HasSubstr("journal_lines=0 journal_suppressed=2"));
}

TEST_F(JournalCopy, WithAWrongDescriptionIsRefused) {
  for (const char* wrong : {"", "A=b\n", "x 1\n", "1\n", "-1 5\n", "1 1"}) {
    EXPECT_EQ(harness_.Call(supervisor::kStdio, {"app", harness_.File(""), log_, wrong}, supervisor::kJournal).error,
              EINVAL)
        << wrong;
  }
}

}  // namespace
}  // namespace rkt::stage1
