// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rktlet::base {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Command Shell(std::string script) {
  Command command;
  command.program = "/bin/sh";
  command.args = {"-c", std::move(script)};
  return command;
}

TEST(Subprocess, GivesOutputAndExitCode) {
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(Shell("echo out; echo err >&2; exit 7")));
  EXPECT_EQ(result.status.code, 7);
  EXPECT_EQ(result.status.signal, 0);
  EXPECT_EQ(result.stdout_data, "out\n");
  EXPECT_EQ(result.stderr_data, "err\n");
}

TEST(Subprocess, TellsASignalFromAnExitCode) {
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(Shell("kill -TERM $$")));
  EXPECT_EQ(result.status.signal, SIGTERM);
  EXPECT_EQ(result.status.ShellCode(), 128 + SIGTERM);
}

TEST(Subprocess, FeedsStandardInput) {
  RunOptions options;
  options.stdin_data = std::string(1 << 20, 'x');
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(Shell("wc -c"), options));
  EXPECT_THAT(result.stdout_data, HasSubstr("1048576"));
}

TEST(Subprocess, AChildThatDoesNotReadItsInputIsNoError) {
  RunOptions options;
  options.stdin_data = std::string(1 << 20, 'x');
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(Shell("exec <&-; exit 3"), options));
  EXPECT_EQ(result.status.code, 3);
}

TEST(Subprocess, KeepsNoMoreOutputThanAsked) {
  RunOptions options;
  options.stdout_limit = 1000;
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(Shell("head -c 1000000 /dev/zero"), options));
  EXPECT_EQ(result.stdout_data.size(), 1000U);
  EXPECT_TRUE(result.stdout_truncated);
  EXPECT_TRUE(result.status.Success());
}

TEST(Subprocess, PastItsTimeTheWholeGroupIsKilled) {
  const TempDir dir;
  RunOptions options;
  options.timeout = milliseconds(50);
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       RunCommand(Shell("sleep 1000 & echo $! > " + dir.File("pid") + "; wait"), options));
  EXPECT_TRUE(result.timed_out);
  EXPECT_THAT(CheckResult(result, "sleeper"), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("sleeper")));
}

TEST(Subprocess, AMissingProgramIsNamed) {
  Command command;
  command.program = "/nonexistent/program";
  EXPECT_THAT(RunCommand(command), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/program")));
}

TEST(Subprocess, MapsDescriptorsThatOverlap) {
  ASSERT_OK_AND_ASSIGN(auto first, MakePipe());
  ASSERT_OK_AND_ASSIGN(auto second, MakePipe());
  Command command = Shell("echo one >&3; echo two >&4");
  command.fds = {{first.second.get(), 3}, {second.second.get(), 4}};
  ASSERT_THAT(RunCommand(command), IsOk());
  first.second.Reset();
  second.second.Reset();
  EXPECT_THAT(ReadAll(first.first.get()), IsOkAndHolds("one\n"));
  EXPECT_THAT(ReadAll(second.first.get()), IsOkAndHolds("two\n"));
}

TEST(Subprocess, GivesExactlyTheEnvironmentAskedFor) {
  Command command = Shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=");
  command.environment = {"A=one\ntwo"};
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(command));
  EXPECT_EQ(result.stdout_data, "A=one\ntwo\n");
}

TEST(Subprocess, AFailureIsToldWithTheTailOfStderr) {
  ASSERT_OK_AND_ASSIGN(const CommandResult result, RunCommand(Shell("echo no such bridge >&2; exit 1")));
  EXPECT_THAT(CheckResult(result, "plugin bridge"),
              StatusIs(absl::StatusCode::kInternal, "plugin bridge: exit code 1: no such bridge"));
}

TEST(PidFdTest, AProcessThatIsGoneIsNotFound) {
  ASSERT_OK_AND_ASSIGN(const PidFd child, Spawn(Shell("exit 0")));
  ASSERT_OK_AND_ASSIGN(const auto status, child.Reap(true));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(child.Ended());
  EXPECT_THAT(child.SendSignal(SIGTERM), StatusCodeIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace rktlet::base
