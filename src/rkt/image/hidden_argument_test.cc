// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/hidden_argument.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::image {
namespace {

using testing::HasSubstr;
using testing::Not;

class HiddenArgument : public testing::Test {
 protected:
  // What a shell prints that runs `script` with the arguments "a", the hidden one, "b".
  std::string Print(const std::string& script, bool with_setpriv) {
    const rktlet::base::UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
    rktlet::base::Command command;
    command.program = "/bin/sh";
    command.args = {"-c", script, "sh", "a", kHiddenArgument, "b"};
    if (with_setpriv) {
      command.args.insert(command.args.begin(), {"--pdeathsig", "KILL", "--", command.program});
      command.program = "setpriv";
    }
    command.fds = {{output.get(), 1}, {output.get(), 2}};
    auto child = SpawnWithHiddenArgument(command, "--token=secret words");
    EXPECT_THAT(child, rktlet::base::IsOk());
    if (child.ok()) {
      const auto status = child->Reap(true);
      EXPECT_EQ((*status)->ShellCode(), 7);
    }
    ::lseek(output.get(), 0, SEEK_SET);
    return rktlet::base::ReadAll(output.get(), 100'000).value_or("");
  }
};

TEST_F(HiddenArgument, IsReadByTheProgramAndSeenByNobodyElse) {
  for (const bool with_setpriv : {false, true}) {
    EXPECT_EQ(Print("printf '%s,' \"$@\"; exit 7", with_setpriv), "a,--token=secret words,b,");
    const std::string seen = Print("tr '\\0' ' ' </proc/$$/cmdline; env; exit 7", with_setpriv);
    EXPECT_THAT(seen, HasSubstr(" a --hidden b")) << with_setpriv;
    EXPECT_THAT(seen, HasSubstr("PATH="));
    EXPECT_THAT(seen, Not(HasSubstr("secret")));
  }
}

TEST_F(HiddenArgument, TheTracedProgramRunsByItselfAfterwards) {
  EXPECT_EQ(Print("grep TracerPid /proc/$$/status; exit 7", true), "TracerPid:\t0\n");
}

TEST(HiddenArgumentOfNothing, AProgramThatIsNotThereEndsAsAShellSaysIt) {
  rktlet::base::Command command;
  command.program = "/nonexistent/program";
  command.args = {kHiddenArgument};
  ASSERT_OK_AND_ASSIGN(const auto child, SpawnWithHiddenArgument(command, "secret"));
  ASSERT_OK_AND_ASSIGN(const auto status, child.Reap(true));
  EXPECT_EQ(status->ShellCode(), 127);
}

TEST(HiddenArgumentOfNothing, AProgramWithoutThePlaceholderIsNotStarted) {
  rktlet::base::Command command;
  command.program = "/bin/true";
  EXPECT_THAT(SpawnWithHiddenArgument(command, "secret").status(), Not(rktlet::base::IsOk()));
}

}  // namespace
}  // namespace rkt::image
