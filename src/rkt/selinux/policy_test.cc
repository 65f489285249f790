// SPDX-License-Identifier: Apache-2.0
#include "rkt/selinux/policy.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"

namespace rkt::selinux {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::spec::SelinuxOptions;
using testing::HasSubstr;

constexpr char kLevel[] = "s0:c7,c99";

Policy Enabled() {
  Policy policy;
  policy.enabled = true;
  policy.check = [](const std::string&) { return absl::OkStatus(); };
  return policy;
}

void Expect(const absl::StatusOr<Labels>& labels, const std::string& process, const std::string& mount) {
  ASSERT_THAT(labels, IsOk());
  EXPECT_EQ(labels->process, process);
  EXPECT_EQ(labels->mount, mount);
}

TEST(SelinuxLabels, HaveThePodsCategories) {
  Expect(MakeLabels(Enabled(), {}, false, kLevel), "system_u:system_r:container_t:s0:c7,c99",
         "system_u:object_r:container_file_t:s0:c7,c99");
}

TEST(SelinuxLabels, WhatIsAskedForWins) {
  Expect(MakeLabels(Enabled(), {"user_u", "user_r", "mine_t", "s0:c1,c2"}, false, kLevel),
         "user_u:user_r:mine_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2");
  Expect(MakeLabels(Enabled(), {"", "", "mine_t", ""}, false, kLevel), "system_u:system_r:mine_t:s0:c7,c99",
         "system_u:object_r:container_file_t:s0:c7,c99");
  Expect(MakeLabels(Enabled(), {"", "", "mine_t", "s0"}, true, kLevel), "system_u:system_r:mine_t:s0",
         "system_u:object_r:container_file_t:s0");
}

TEST(SelinuxLabels, APrivilegedProcessIsConfinedByNothingAndItsFilesAreThePods) {
  Expect(MakeLabels(Enabled(), {}, true, kLevel), "system_u:system_r:spc_t:s0",
         "system_u:object_r:container_file_t:s0:c7,c99");
}

TEST(SelinuxLabels, AreNoneWithoutSelinux) {
  Policy policy = Enabled();
  policy.enabled = false;
  Expect(MakeLabels(policy, {}, true, ""), "", "");
  EXPECT_THAT(MakeLabels(policy, {"", "", "", "s0"}, false, ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not enabled")));
}

TEST(SelinuxLabels, ThatThePolicyDoesNotKnowAreRefusedWhenTheyAreAskedFor) {
  Policy policy = Enabled();
  policy.check = [](const std::string& context) { return absl::InvalidArgumentError("no " + context); };
  EXPECT_THAT(MakeLabels(policy, {"", "", "", "s0,c4,c5"}, false, kLevel),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("container_t:s0,c4,c5")));
  Expect(MakeLabels(policy, {}, false, kLevel), "", "");
  policy.check = [](const std::string&) { return absl::PermissionDeniedError("selinuxfs"); };
  EXPECT_THAT(MakeLabels(policy, {}, false, kLevel), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("")));
}

TEST(SelinuxLabels, CannotSmuggleOptionsOfAMount) {
  for (const SelinuxOptions& options :
       {SelinuxOptions{"a\"", "", "", ""}, SelinuxOptions{"", "r:x", "", ""},
        SelinuxOptions{"", "", "t,upperdir=x", ""}, SelinuxOptions{"", "", "", "s0\",lowerdir=/"},
        SelinuxOptions{"", "", "", std::string("s0\0", 3)}, SelinuxOptions{"", "", "", "s0\n"}}) {
    EXPECT_THAT(MakeLabels(Enabled(), options, false, kLevel),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("characters that no label has")));
  }
}

TEST(SelinuxPolicy, IsReadFromTheMachinesFiles) {
  rktlet::base::TempDir temp;
  EXPECT_FALSE(ReadPolicy(temp.File("fs"), temp.File("etc")).enabled);
  ASSERT_THAT(rktlet::base::MakeDirectories(temp.File("fs")), IsOk());
  ASSERT_THAT(rktlet::base::MakeDirectories(temp.File("etc/default/contexts")), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File("fs/enforce"), "1"), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File("fs/context"), ""), IsOk());
  Policy policy = ReadPolicy(temp.File("fs"), temp.File("etc"));
  EXPECT_TRUE(policy.enabled);
  EXPECT_EQ(policy.process_context, "system_u:system_r:container_t:s0");
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File("etc/config"),
                                            "# SELINUXTYPE=x\nSELINUX=permissive\nSELINUXTYPE=default\n"),
              IsOk());
  ASSERT_THAT(
      rktlet::base::WriteFileAtomic(temp.File("etc/default/contexts/lxc_contexts"),
                                    "process = \"u:r:other_t:s0\"\ncontent = \"x\"\nfile = \"u:r:other_file_t:s0\"\n"),
      IsOk());
  policy = ReadPolicy(temp.File("fs"), temp.File("etc"));
  EXPECT_EQ(policy.process_context, "u:r:other_t:s0");
  EXPECT_EQ(policy.file_context, "u:r:other_file_t:s0");
  EXPECT_THAT(policy.check("u:r:other_t:s0"), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string written, rktlet::base::ReadFile(temp.File("fs/context")));
  EXPECT_EQ(written, std::string("u:r:other_t:s0\0", 15));
}

TEST(SelinuxPolicy, ALabelIsQuotedAsAnOptionOfAMount) {
  EXPECT_EQ(ContextOption(""), "");
  EXPECT_EQ(ContextOption("a:b:c:s0:c1,c2"), ",context=\"a:b:c:s0:c1,c2\"");
}

}  // namespace
}  // namespace rkt::selinux
