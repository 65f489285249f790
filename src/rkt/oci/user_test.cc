// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/user.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::StatusIs;
using rktlet::spec::ContainerSecurity;
using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path == "/etc/passwd") {
    return std::string(
        "root:x:0:0:root:/root:/bin/sh\n"
        "# a comment\nbroken\n"
        "www-data:x:33:33::/var/www:/bin/false\n"
        "default-user:x:1000:1000::/home/default-user:/bin/sh\n");
  }
  return std::string("root:x:0:\nwww-data:x:33:\nadm:x:4:root,www-data\ngroup-in-image:x:50000:default-user\n");
}

absl::StatusOr<std::string> NoFiles(const std::string& path) { return absl::NotFoundError(path); }

TEST(User, ANumberWithoutAnEntryIsTakenWithGroupZero) {
  ASSERT_OK_AND_ASSIGN(ProcessUser user, ResolveUser({}, "4242", ReadFile));
  EXPECT_EQ(user.uid, 4242U);
  EXPECT_EQ(user.gid, 0U);
  EXPECT_THAT(user.additional_gids, ElementsAre(0));
}

TEST(User, AnImageWithoutFilesRunsAsRootOrByNumber) {
  ASSERT_OK_AND_ASSIGN(ProcessUser root, ResolveUser({}, "", NoFiles));
  EXPECT_EQ(root.uid, 0U);
  ASSERT_OK_AND_ASSIGN(ProcessUser user, ResolveUser({}, "1003:1004", NoFiles));
  EXPECT_EQ(user.uid, 1003U);
  EXPECT_EQ(user.gid, 1004U);
  EXPECT_THAT(ResolveUser({}, "www-data", NoFiles),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("www-data")));
}

TEST(User, NamesOfUserAndGroupAreLookedUp) {
  ASSERT_OK_AND_ASSIGN(ProcessUser user, ResolveUser({}, "www-data:adm", ReadFile));
  EXPECT_EQ(user.uid, 33U);
  EXPECT_EQ(user.gid, 4U);
  EXPECT_THAT(ResolveUser({}, "www-data:nogroup", ReadFile),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nogroup")));
}

TEST(User, ANumberWithAnEntryHasItsGroupAndThoseThatListIt) {
  ContainerSecurity security;
  security.run_as_user = 1000;
  security.supplemental_groups = {1234, 5678, 50000};
  ASSERT_OK_AND_ASSIGN(ProcessUser user, ResolveUser(security, "", ReadFile));
  EXPECT_EQ(user.gid, 1000U);
  EXPECT_THAT(user.additional_gids, ElementsAre(1000, 50000, 1234, 5678));
}

TEST(User, TheStrictPolicyLeavesTheImagesGroupsOut) {
  ContainerSecurity security;
  security.run_as_user = 1000;
  security.supplemental_groups = {1234};
  security.supplemental_groups_policy = rktlet::spec::SupplementalGroupsPolicy::kStrict;
  ASSERT_OK_AND_ASSIGN(ProcessUser user, ResolveUser(security, "", ReadFile));
  EXPECT_THAT(user.additional_gids, ElementsAre(1000, 1234));
}

TEST(User, WhatWasAskedForWinsOverTheImage) {
  ContainerSecurity security;
  security.run_as_username = "www-data";
  ASSERT_OK_AND_ASSIGN(ProcessUser user, ResolveUser(security, "1003:1004", ReadFile));
  EXPECT_EQ(user.uid, 33U);
  EXPECT_EQ(user.gid, 33U);
  security.run_as_group = 7;
  ASSERT_OK_AND_ASSIGN(user, ResolveUser(security, "1003:1004", ReadFile));
  EXPECT_EQ(user.gid, 7U);
  security.run_as_group = -1;
  EXPECT_THAT(ResolveUser(security, "", ReadFile), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("group -1")));
}

}  // namespace
}  // namespace rkt::oci
