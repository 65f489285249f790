// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "rkt/cli/command.h"

namespace rkt::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

// Records what it was given; fails when asked to.
class Recorder final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override { flags.Bool("fail", &fail_, "Fail").String("name", "NAME", &name_, ""); }
  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    context.out() += context.flags().dir + "|" + name_ + "|";
    for (const std::string& arg : positionals.args) {
      context.out() += arg + ",";
    }
    for (const char* option : {"tls", "image", "seccomp"}) {
      context.out() += context.Insecure(option) ? std::string("+") + option : "";
    }
    if (fail_) {
      return absl::NotFoundError("no matches found for \"X\"");
    }
    context.Announce();
    return 0;
  }

 private:
  bool fail_ = false;
  std::string name_;
};

class RunMainTest : public testing::Test {
 protected:
  RunMainTest() {
    registry_.Add<Recorder>({.path = "app add", .arguments = "POD", .summary = "Add", .min_args = 1});
    registry_.Add<Recorder>({.path = "app list", .arguments = "POD", .summary = "List", .failure_code = 1});
    registry_.Add<Recorder>({.path = "app exec", .arguments = "POD", .summary = "Exec", .stop_at_positional = true});
  }

  Outcome Run(std::vector<std::string> args) {
    args.insert(args.begin(), "--run-dir=" + run_.path());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.code = RunMain(args, registry_);
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
  }

  rktlet::base::TempDir run_;
  Registry registry_;
};

TEST_F(RunMainTest, TakesGlobalFlagsAnywhereBeforeTheFirstPositional) {
  EXPECT_EQ(Run({"--dir=/a", "app", "add", "P"}).out, "/a||P,");
  EXPECT_EQ(Run({"app", "--dir", "/b", "--insecure-options=image,tls", "add", "P"}).out, "/b||P,+tls+image");
  EXPECT_EQ(Run({"app", "add", "--name", "n", "--dir=/c", "P", "--insecure-options=all-run"}).out, "/c|n|P,+seccomp");
}

TEST_F(RunMainTest, LeavesTheFlagsOfAnExecutedCommandAlone) {
  EXPECT_EQ(Run({"app", "exec", "--name=n", "P", "ls", "--dir=/x"}).out, "/var/lib/rkt|n|P,ls,--dir=/x,");
}

TEST_F(RunMainTest, PrintsNoHalfResultAndNamesTheCommandWhenItFails) {
  const Outcome failed = Run({"app", "add", "P", "--fail"});
  EXPECT_EQ(failed.code, 254);
  EXPECT_EQ(failed.out, "");
  EXPECT_EQ(failed.err, "app add: no matches found for \"X\"\n");
  EXPECT_EQ(Run({"app", "list", "P", "--fail"}).code, 1);
}

TEST_F(RunMainTest, BadUsagePrintsTheUsageOnStderrAndEndsWith254) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"app", "list", "--nope"},
                                               {"app", "add"},
                                               {"app", "nope"},
                                               {"--nope", "app", "add"},
                                               {"app"},
                                               {}}) {
    const Outcome outcome = Run(args);
    EXPECT_EQ(outcome.code, 254);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("Usage: rkt"));
  }
}

TEST_F(RunMainTest, HelpIsAResult) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"app", "add", "--help"},
                                               {"--help"},
                                               {"help", "app", "add"},
                                               {"app", "--help"},
                                               {"app", "add", "-h", "--fail"}}) {
    const Outcome outcome = Run(args);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, StartsWith("Usage: rkt"));
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(RunMainTest, AnnouncesAChangeUnlessToldNotTo) {
  const std::string generation = run_.File("generation");
  Run({"app", "add", "--announce=false", "P"});
  EXPECT_FALSE(rktlet::base::Exists(generation));
  Run({"app", "add", "P"});
  EXPECT_TRUE(rktlet::base::Exists(generation));
}

TEST_F(RunMainTest, RefusesAnUnknownInsecureOption) {
  const Outcome outcome = Run({"--insecure-options=image,nope", "app", "add", "P"});
  EXPECT_EQ(outcome.code, 254);
  EXPECT_THAT(outcome.err, HasSubstr("unknown option \"nope\""));
}

TEST(Commands, EachHasASummaryAndIsFoundOnce) {
  Registry registry;
  RegisterCommands(registry);
  std::set<std::string> paths;
  for (const CommandInfo& info : registry.commands()) {
    EXPECT_TRUE(paths.insert(info.path).second) << info.path;
    EXPECT_FALSE(info.summary.empty()) << info.path;
    EXPECT_FALSE(registry.IsGroup(info.path)) << info.path << " is a command and the beginning of another";
  }
}

}  // namespace
}  // namespace rkt::cli
