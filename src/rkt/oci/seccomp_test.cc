// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/oci/seccomp_filter.h"
#include "rkt/oci/seccomp_profile.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr char kConditional[] = R"({
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
  "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
    {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}}
  ]})";

SeccompFacts Facts() {
  SeccompFacts facts;
  facts.architecture = "amd64";
  facts.seccomp_architecture = "SCMP_ARCH_X86_64";
  facts.kernel_major = 6;
  facts.kernel_minor = 1;
  return facts;
}

TEST(SeccompProfileTest, RulesHoldUnderTheirConditions) {
  ASSERT_OK_AND_ASSIGN(SeccompProfile profile, ParseSeccompProfile(kConditional, Facts()));
  ASSERT_THAT(profile.rules, SizeIs(4));
  EXPECT_EQ(profile.rules[1].action, "SCMP_ACT_ERRNO");
  EXPECT_THAT(profile.architectures, ElementsAre("SCMP_ARCH_X86"));

  SeccompFacts admin = Facts();
  admin.capabilities = {"CAP_SYS_ADMIN"};
  ASSERT_OK_AND_ASSIGN(profile, ParseSeccompProfile(kConditional, admin));
  EXPECT_EQ(profile.rules[1].action, "SCMP_ACT_ALLOW");

  SeccompFacts old = Facts();
  old.kernel_major = 4;
  old.kernel_minor = 7;
  old.architecture = "arm64";
  ASSERT_OK_AND_ASSIGN(profile, ParseSeccompProfile(kConditional, old));
  EXPECT_THAT(profile.rules, SizeIs(2));
}

TEST(SeccompProfileTest, WhatIsNoProfileIsRefused) {
  EXPECT_THAT(ParseSeccompProfile("[]", Facts()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("seccomp")));
  EXPECT_THAT(ParseSeccompProfile("{}", Facts()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("defaultAction")));
  EXPECT_THAT(
      ParseSeccompProfile(
          R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["x"],"action":"SCMP_ACT_NOTIFY"}]})", Facts()),
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("NOTIFY")));
}

// A condition that is not understood must not be taken for none: the rule would allow more than it says.
TEST(SeccompProfileTest, WhatIsNotOfItsTypeIsRefused) {
  const auto rule = [](const std::string& members) {
    return R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW",)" + members +
           "}]}";
  };
  EXPECT_THAT(ParseSeccompProfile(rule(R"("args":null,"includes":null,"excludes":{})"), Facts()), IsOk());
  for (const char* members : {
           R"("args":{"index":0,"value":1,"op":"SCMP_CMP_EQ"})",
           R"("args":[{"index":-1,"value":1,"op":"SCMP_CMP_EQ"}])",
           R"("args":[{"index":4294967296,"value":1,"op":"SCMP_CMP_EQ"}])",
           R"("args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}])",
           R"("args":[{"index":0,"value":1.5,"op":"SCMP_CMP_EQ"}])",
           R"("args":[{"index":0,"value":1,"valueTwo":"2","op":"SCMP_CMP_EQ"}])",
           R"("includes":["CAP_SYS_ADMIN"])",
           R"("excludes":"CAP_SYS_ADMIN")",
           R"("errnoRet":-1)",
       }) {
    EXPECT_THAT(ParseSeccompProfile(rule(members), Facts()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a seccomp profile")))
        << members;
  }
  EXPECT_THAT(ParseSeccompProfile(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}})", Facts()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a seccomp profile")));
  EXPECT_THAT(ParseSeccompProfile(R"({"defaultAction":"SCMP_ACT_ALLOW","x":)" + std::string(100'000, '['), Facts()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
}

TEST(SeccompFilterTest, ActionsAndOperatorsThatDoNotExistAreNamed) {
  SeccompProfile profile;
  profile.default_action = "SCMP_ACT_SHRUG";
  EXPECT_THAT(CompileSeccomp(profile), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SHRUG")));
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.rules = {{{"read"}, "SCMP_ACT_ERRNO", 1, {{0, 0, 0, "SCMP_CMP_MAYBE"}}}};
  EXPECT_THAT(CompileSeccomp(profile), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("MAYBE")));
  profile.rules[0].arguments.clear();
  profile.architectures = {"SCMP_ARCH_PDP11"};
  EXPECT_THAT(CompileSeccomp(profile), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("PDP11")));
}

TEST(SeccompFilterTest, SystemCallsThatNobodyKnowsAreLeftOut) {
  SeccompProfile profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.rules = {{{"no_such_call"}, "SCMP_ACT_ERRNO", 1, {}}};
  EXPECT_THAT(CompileSeccomp(profile), rktlet::base::IsOk());
}

// In a child: loads the filter and makes the call; the exit code is its errno.
int ErrnoUnderFilter(const std::string& filter, long number, long argument) {
  const pid_t pid = fork();
  if (pid == 0) {
    struct sock_fprog program = {static_cast<unsigned short>(filter.size() / sizeof(struct sock_filter)),
                                 reinterpret_cast<struct sock_filter*>(const_cast<char*>(filter.data()))};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
      _exit(99);
    }
    errno = 0;
    syscall(number, argument, 0, 0, 0, 0, 0);
    _exit(errno);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST(SeccompFilterTest, TheCompiledFilterDoesWhatTheProfileSays) {
  SeccompProfile profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  // Two comparisons of one argument: any of them.
  profile.rules = {{{"personality"}, "SCMP_ACT_ERRNO", 77, {{0, 1, 0, "SCMP_CMP_EQ"}, {0, 2, 0, "SCMP_CMP_EQ"}}},
                   {{"getpgid"}, "SCMP_ACT_ERRNO", std::nullopt, {}}};
  ASSERT_OK_AND_ASSIGN(std::string filter, CompileSeccomp(profile));
  EXPECT_EQ(ErrnoUnderFilter(filter, SYS_personality, 1), 77);
  EXPECT_EQ(ErrnoUnderFilter(filter, SYS_personality, 2), 77);
  EXPECT_EQ(ErrnoUnderFilter(filter, SYS_personality, 0xffffffff), 0);
  EXPECT_EQ(ErrnoUnderFilter(filter, SYS_getpgid, 0), EPERM);
}

TEST(SeccompCacheTest, ASecondTimeComesFromTheFileAndADamagedFileIsMadeAnew) {
  rktlet::base::TempDir temp;
  ASSERT_OK_AND_ASSIGN(CompiledSeccomp first, CompileSeccompCached(kConditional, Facts(), temp.path()));
  ASSERT_OK_AND_ASSIGN(std::vector<std::string> names, rktlet::base::ListDirectory(temp.path()));
  ASSERT_THAT(names, SizeIs(1));
  ASSERT_OK_AND_ASSIGN(CompiledSeccomp second, CompileSeccompCached(kConditional, Facts(), temp.path()));
  EXPECT_EQ(first.filter, second.filter);
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File(names[0]), "torn"), rktlet::base::IsOk());
  ASSERT_OK_AND_ASSIGN(second, CompileSeccompCached(kConditional, Facts(), temp.path()));
  EXPECT_EQ(first.filter, second.filter);
  SeccompFacts admin = Facts();
  admin.capabilities = {"CAP_SYS_ADMIN"};
  ASSERT_OK_AND_ASSIGN(second, CompileSeccompCached(kConditional, admin, temp.path()));
  EXPECT_NE(first.filter, second.filter);
}

}  // namespace
}  // namespace rkt::oci
