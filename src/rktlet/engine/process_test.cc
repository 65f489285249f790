// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/engine/test_loop.h"

namespace rktlet::engine {
namespace {

using base::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::_;

class Process : public testing::Test {
 protected:
  Process() { std::signal(SIGPIPE, SIG_IGN); }

  absl::StatusOr<ProcessResult> Shell(const std::string& script, ProcessOptions options = {}) {
    base::Command command;
    command.program = "/bin/sh";
    command.args = {"-c", script};
    return loop_.Await(RunProcess(std::move(command), std::move(options)));
  }

  TestLoop loop_;
};

TEST_F(Process, GivesBackExitCodeAndBothStreams) {
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(result.command.status.code, 7);
  EXPECT_EQ(result.command.stdout_data, "out\n");
  EXPECT_EQ(result.command.stderr_data, "err\n");
  EXPECT_EQ(RunningProcesses(), 0U);
}

TEST_F(Process, HandsOnLinesOfStderrAsTheyCome) {
  ProcessOptions options;
  std::vector<std::string> lines;
  options.on_stderr_line = [&](std::string_view line) { lines.emplace_back(line); };
  ASSERT_OK_AND_ASSIGN(const ProcessResult result,
                       Shell("echo out; printf a >&2; echo b >&2; echo >&2; printf tail >&2", options));
  EXPECT_EQ(lines, (std::vector<std::string>{"ab", ""}));  // the last has no end
  EXPECT_EQ(result.command.stderr_data, "ab\n\ntail");
}

TEST_F(Process, ReadsWhatItIsFedWhateverTheSize) {
  ProcessOptions options;
  options.stdin_data = std::string(300'000, 'x');
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("cat", options));
  EXPECT_EQ(result.command.stdout_data, options.stdin_data);
}

TEST_F(Process, LosesNothingOfWhatItWroteRightBeforeItsEnd) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2"));
    ASSERT_EQ(result.command.stdout_data.size(), 60'000U);
    ASSERT_EQ(result.command.stderr_data.size(), 60'000U);
  }
}

// Commands come and go in one loop; each says its own end and nobody else's.
boost::asio::awaitable<int> EndWith7AfterOthers(int others) {
  int wrong = 0;
  for (int i = 0; i < others; ++i) {
    base::Command command;
    command.program = "/bin/sh";
    command.args = {"-c", "read line; echo done; exit 7"};
    ProcessOptions options;
    options.stdin_data = "x\n";
    auto result = co_await RunProcess(std::move(command), std::move(options));
    wrong += result.ok() && result->command.status.code == 7 && result->command.stdout_data == "done\n" ? 0 : 1;
  }
  co_return wrong;
}

TEST_F(Process, EndsForItselfAmongManyThatComeAndGo) {
  constexpr int kSideBySide = 24;
  constexpr int kEach = 8;
  int finished = 0;
  int wrong = 0;
  for (int i = 0; i < kSideBySide; ++i) {
    boost::asio::co_spawn(loop_.context(), EndWith7AfterOthers(kEach), [&](std::exception_ptr, int result) {
      ++finished;
      wrong += result;
    });
  }
  EXPECT_TRUE(loop_.RunUntil([&] { return finished == kSideBySide; }));
  EXPECT_EQ(wrong, 0);
}

TEST_F(Process, MayLeaveItsInputUnread) {
  ProcessOptions options;
  options.stdin_data = std::string(300'000, 'x');
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("exit 0", options));
  EXPECT_TRUE(result.command.status.Success());
}

TEST_F(Process, OutputBeyondTheLimitIsReadAndDropped) {
  ProcessOptions options;
  options.output_limit = 10;
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("head -c 200000 /dev/zero | tr '\\0' y; echo e >&2", options));
  EXPECT_EQ(result.command.stdout_data.size() + result.command.stderr_data.size(), 10U);
  EXPECT_TRUE(result.command.stdout_truncated);
  EXPECT_TRUE(result.command.status.Success());
}

TEST_F(Process, IsStoppedAtItsDeadline) {
  ProcessOptions options;
  options.timeout = milliseconds(50);
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("sleep 100", options));
  EXPECT_TRUE(result.command.timed_out);
  EXPECT_EQ(result.command.status.signal, SIGTERM);
}

TEST_F(Process, IsKilledWithItsGroupWhenItIgnoresThat) {
  ProcessOptions options;
  options.timeout = milliseconds(50);
  options.kill_grace = milliseconds(50);
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("trap '' TERM; sleep 100 & wait; wait", options));
  EXPECT_TRUE(result.command.timed_out);
  EXPECT_EQ(result.command.status.signal, SIGKILL);
}

TEST_F(Process, EndsEarlyWhenCancelled) {
  base::Command command;
  command.program = "/bin/sleep";
  command.args = {"100"};
  ProcessOptions options;
  Cancellation cancellation;
  options.cancellation = cancellation;
  std::optional<bool> cancelled;
  boost::asio::co_spawn(
      loop_.context(), RunProcess(command, options),
      [&](std::exception_ptr, const absl::StatusOr<ProcessResult>& result) { cancelled = result->cancelled; });
  ASSERT_TRUE(loop_.RunUntil([] { return RunningProcesses() == 1; }));
  cancellation.Cancel();
  ASSERT_TRUE(loop_.RunUntil([&] { return cancelled.has_value(); }));
  EXPECT_TRUE(*cancelled);
  ASSERT_OK_AND_ASSIGN(const ProcessResult never, Shell("sleep 100", options));
  EXPECT_TRUE(never.cancelled);
}

TEST_F(Process, DoesNotWaitForWhatItLeavesBehind) {
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("(exec sleep 3) & echo done"));
  EXPECT_EQ(result.command.stdout_data, "done\n");
}

// Each line that is read brings the next one, by way of the process that is left behind.
TEST_F(Process, IsNotHeldUpByWhatItLeavesBehindWritingForEver) {
  constexpr int kForEver = 100'000;
  int lines = 0;
  base::UniqueFd end;
  pid_t left_behind = 0;
  ProcessOptions options;
  options.on_stderr_line = [&](std::string_view line) {
    if (lines++ == 0) {
      left_behind = std::stoi(std::string(line));
      end = base::UniqueFd(::open(base::StrCat("/proc/", line, "/fd/2").c_str(), O_WRONLY | O_CLOEXEC));
    }
    if (lines < kForEver) {
      EXPECT_EQ(::write(end.get(), "more\n", 5), 5);
    }
  };
  ASSERT_OK_AND_ASSIGN(const ProcessResult result, Shell("sleep 100 & echo $! >&2; exit 3", options));
  ::kill(left_behind, SIGKILL);
  EXPECT_EQ(result.command.status.code, 3);
  EXPECT_LT(lines, kForEver);
}

TEST_F(Process, AMissingProgramIsAnError) {
  base::Command command;
  command.program = "/no/such/program";
  EXPECT_THAT(loop_.Await(RunProcess(std::move(command), {})), StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_EQ(RunningProcesses(), 0U);
}

}  // namespace
}  // namespace rktlet::engine
